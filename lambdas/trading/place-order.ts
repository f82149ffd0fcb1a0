import { v7 as uuidv7 } from 'uuid'
import { putCommands } from '#adapters/streams/orders.ts'
import { type CommandRow, findByRequestName, promise } from '#adapters/tables/commands.ts'
import { getInstrument, type InstrumentRow } from '#adapters/tables/instruments.ts'
import { type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { type Counted, countLots, countTicks } from '#domain/trading/terms.ts'
import type { placeOrder } from '#protocol/operations/trading.ts'
import type { Answer, Handle, Rejection, Request } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { bodyHash, namedRequest } from '../shell/named-request.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { type KnownOrder, type Placement, pendingOrder, placementOf, projectedOrder } from './order-view.ts'
import { type Trader, traderOf } from './trader.ts'

type Body = Request<typeof placeOrder>['body']
type Refusal = Rejection<(typeof placeOrder)['rejections'][number] | 'invalid-request'>

/** Who, which name, is it well-formed, may it trade: then promise, then put, then tell. */
export const handle: Handle<typeof placeOrder> = async ({ body, principal, headers, idempotencyKey, admitted }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const name = body.client_order_id ?? idempotencyKey
  if (name === undefined) return { code: 'idempotency-key-required' }
  const requestName = `place-order#${name}`
  const hash = bodyHash(body)
  const placement = await place(trader, body)
  if (!(await admitted())) return { code: 'rate-limited' }
  if ('code' in placement) {
    // What was taken while the instrument was open stays taken.
    const before =
      placement.code === 'instrument-not-open' ? await findByRequestName(trader.account, requestName) : undefined
    return before?.bodyHash === hash ? repeat(trader, before, headers) : placement
  }
  const promised = namedRequest({
    principal: trader.account,
    requestName,
    commandId: placement.command.orderId,
    operation: 'place-order',
    bodyHash: hash,
    lane: trader.lane,
    accountId: trader.accountId,
    requestJson: JSON.stringify(placement),
  })
  const stored = await promise(promised)
  if (!stored.first)
    return stored.row.bodyHash === hash ? repeat(trader, stored.row, headers) : { code: 'idempotency-conflict' }
  return put(trader, promised, headers)
}

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
  await putCommands(promised.lane, [placementOf(promised).command])
  const known = wait && (await pollUntil(() => projectedOrder(trader, promised.commandId), wait.untilMillis))
  if (known !== undefined) return { status: 200, ...told(known, wait?.headers) }
  return taken(pendingOrder(promised), wait?.headers)
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

/** The command that a body asks for, or the first reason why not. */
const place = async (trader: Trader, body: Body): Promise<Placement | Refusal> => {
  const form = formErrors(body)
  if (form.length > 0) return { code: 'invalid-request', errors: form }
  const row = await listed(trader.lane, body.instrument_name)
  if ('code' in row) return row
  const { instrument } = row
  const ticks = body.price === undefined ? noPrice : countTicks(body.price, instrument)
  if (!ticks.ok) return { code: ticks.code, errors: [{ pointer: '#/price', detail: ticks.detail }] }
  const lots = countLots(body.amount, instrument)
  if (!lots.ok) return { code: lots.code, errors: [{ pointer: '#/amount', detail: lots.detail }] }
  if (!row.isActive || instrument.specification.expirationMillis <= Date.now()) return { code: 'instrument-not-open' }
  return {
    command: {
      type: 'place-order',
      orderId: uuidv7(),
      accountId: trader.accountId,
      instrumentId: instrument.instrumentId,
      specificationVersion: instrument.specificationVersion,
      direction: body.direction,
      orderType: body.order_type,
      timeInForce: body.time_in_force ?? defaultTimeInForce[body.order_type],
      priceTicks: ticks.count,
      quantityLots: lots.count,
      clientOrderId: body.client_order_id ?? '',
      ...plainInstructions,
    },
    instrumentName: body.instrument_name,
    tickSize: instrument.specification.tickSize,
    minTradeAmount: instrument.specification.minTradeAmount,
  }
}

const noPrice: Counted = { ok: true, count: 0 }

const defaultTimeInForce = { limit: 'good_til_cancelled', market: 'immediate_or_cancel' } as const satisfies Record<
  Body['order_type'],
  PlaceOrder['timeInForce']
>

const formErrors = ({ order_type, price, time_in_force }: Body): NonNullable<Refusal['errors']> => {
  if (order_type === 'limit')
    return price === undefined ? [{ pointer: '#/price', detail: 'is required for a limit order' }] : []
  return [
    ...(price === undefined ? [] : [{ pointer: '#/price', detail: 'a market order takes none' }]),
    ...(time_in_force === 'good_til_cancelled'
      ? [{ pointer: '#/time_in_force', detail: 'a market order is immediate_or_cancel' }]
      : []),
  ]
}

const listed = async (lane: number, instrumentName: string): Promise<InstrumentRow | Refusal> => {
  const row = await getInstrument(lane, instrumentName)
  if (row !== undefined) return row
  const errors = [{ pointer: '#/instrument_name', detail: 'is not listed in the lane of the account' }]
  for (const other of tenantLanes())
    if (other !== lane && (await getInstrument(other, instrumentName)) !== undefined)
      return { code: 'instrument-in-other-lane', errors }
  return { code: 'unknown-instrument', errors }
}
