import { putCommands } from '#adapters/streams/orders.ts'
import { type CommandRow, findByRequestName, promise } from '#adapters/tables/commands.ts'
import type { placeOrder } from '#protocol/operations/trading.ts'
import { type PressureNow, underBackpressure } from '../shell/backpressure.ts'
import type { Answer, Handle, Request } from '../shell/http.ts'
import { bodyHash } from '../shell/named-request.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { traderFor } from './instrument-trader.ts'
import { type KnownOrder, pendingOrder, placementOf, placeOrderName, projectedOrder } from './order-view.ts'
import { place, promiseOf } from './placement.ts'
import type { Trader } from './trader.ts'

/** Who, which name, is it well-formed, may it trade: then promise, then put, then tell. */
export const handle: Handle<typeof placeOrder> = async request => {
  const trader = await traderFor(request.principal, request.body.instrument_name)
  if (trader === undefined) return { code: 'account-not-open' }
  return underBackpressure(trader.lane, pressureNow => take(trader, request, pressureNow))
}

const take = async (
  trader: Trader,
  { body, headers, idempotencyKey, admitted }: Request<typeof placeOrder>,
  pressureNow: PressureNow,
): ReturnType<Handle<typeof placeOrder>> => {
  const name = body.client_order_id ?? idempotencyKey
  if (name === undefined) return { code: 'idempotency-key-required' }
  const requestName = placeOrderName(name)
  const hash = bodyHash(body)
  const placement = await place(trader, body)
  if (!(await admitted())) return { code: 'rate-limited' }
  if ('code' in placement) {
    const { isLate, ...refusal } = placement
    // What was taken in time stays taken.
    const before = isLate ? await findByRequestName(trader.account, requestName) : undefined
    return before?.bodyHash === hash ? repeat(trader, before, headers) : refusal
  }
  const promised = promiseOf(trader, requestName, hash, placement)
  const pressure = await pressureNow()
  if (pressure !== undefined) {
    const before = await findByRequestName(trader.account, requestName)
    return before === undefined ? pressure : repeatOrConflict(trader, before, hash, headers)
  }
  const stored = await promise(promised)
  return stored.first ? put(trader, promised, headers) : repeatOrConflict(trader, stored.row, hash, headers)
}

const repeatOrConflict = async (trader: Trader, before: CommandRow, hash: string, headers: Headers) =>
  before.bodyHash === hash ? repeat(trader, before, headers) : ({ code: 'idempotency-conflict' } as const)

/** The same order again: the stream hears of it again only while nobody can tell that it has arrived. */
const repeat = async (trader: Trader, promised: CommandRow, headers: Headers): Promise<Answer<typeof placeOrder>> => {
  const known = await projectedOrder(trader, promised.commandId)
  if (known === undefined) return put(trader, promised, headers)
  const wait = preferWait(headers)
  return wait === undefined ? taken(known) : { status: 200, ...told(known, wait.headers) }
}

/** Once the stream has acknowledged it, it counts, whoever of us dies. */
const put = async (trader: Trader, promised: CommandRow, headers: Headers): Promise<Answer<typeof placeOrder>> => {
  const wait = preferWait(headers)
  const placement = placementOf(promised)
  await putCommands(promised.lane, [placement.command])
  const known = wait && (await pollUntil(() => projectedOrder(trader, promised.commandId), wait.untilMillis))
  if (known !== undefined) return { status: 200, ...told(known, wait?.headers) }
  return taken(pendingOrder(promised, placement), wait?.headers)
}

type Headers = Request<typeof placeOrder>['headers']
type AnswerHeaders = Readonly<Record<string, string>>

const taken = (known: KnownOrder, headers?: AnswerHeaders): Answer<typeof placeOrder> => ({
  status: 202,
  ...told(known, headers),
})

const told = ({ order }: KnownOrder, headers: AnswerHeaders = {}) => ({
  body: order,
  headers: { location: `/api/v1/orders/${order.order_id}`, ...headers },
})
