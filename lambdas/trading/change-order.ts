import { putCommands } from '#adapters/streams/orders.ts'
import { findByRequestName, promise } from '#adapters/tables/commands.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import type { RejectionCode } from '#domain/outcome.ts'
import type { AmendOrder, CancelOrder } from '#domain/trading/commands.ts'
import type { Order } from '#protocol/operations/trading.ts'
import type { Principal, Rejection } from '../shell/http.ts'
import { bodyHash, namedRequest } from '../shell/named-request.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { type KnownOrder, knownOrder } from './order-view.ts'
import { type Trader, traderOf } from './trader.ts'

type Change = AmendOrder | CancelOrder

interface ChangeRequest {
  readonly principal: Principal
  readonly orderId: string
  /** Of the request, besides the order. */
  readonly body: unknown
  readonly idempotencyKey: string | undefined
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly admitted: () => Promise<boolean>
}

interface ChangeAnswer {
  readonly status: 200 | 202
  readonly body: Order
  readonly headers: Readonly<Record<string, string>>
}

/**
 * What amending and cancelling have in common: an order that is known and open, a command whose name (where it has
 * one) is promised first, and the engine's outcome for whoever waits.
 */
export const changeOrder = async <Code extends Rejection['code']>(
  operation: Change['type'],
  { principal, orderId, body, idempotencyKey, headers, admitted }: ChangeRequest,
  decide: (known: KnownOrder, trader: Trader) => Promise<Change | Rejection<Code>>,
): Promise<
  | ChangeAnswer
  | Rejection<
      | Code
      | 'account-not-open'
      | 'unknown-order'
      | 'order-closed'
      | 'idempotency-conflict'
      | 'rate-limited'
      | RejectionCode
    >
> => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const known = await knownOrder(trader, orderId)
  if (known === undefined) return { code: 'unknown-order' }

  const requestName = idempotencyKey === undefined ? undefined : `${operation}#${idempotencyKey}`
  const hash = bodyHash({ order_id: orderId, body })
  // A repeat is told from a new request before anything else is: the first may have closed the order.
  const before = requestName === undefined ? undefined : await findByRequestName(trader.account, requestName)
  if (!(await admitted())) return { code: 'rate-limited' }
  if (before !== undefined)
    return before.bodyHash === hash
      ? answer(trader, known, JSON.parse(before.requestJson), headers, true)
      : { code: 'idempotency-conflict' }

  if (known.row !== undefined && known.row.orderState !== 'open') return { code: 'order-closed' }
  const decided = await decide(known, trader)
  if ('code' in decided) return decided
  if (requestName !== undefined) {
    const stored = await promise(
      namedRequest({
        principal: trader.account,
        requestName,
        commandId: decided.commandId,
        operation,
        bodyHash: hash,
        lane: trader.lane,
        accountId: trader.accountId,
        requestJson: JSON.stringify(decided),
      }),
    )
    if (!stored.first)
      return stored.row.bodyHash === hash
        ? answer(trader, known, JSON.parse(stored.row.requestJson), headers, true)
        : { code: 'idempotency-conflict' }
  }
  return answer(trader, known, decided, headers, false)
}

const answer = async (
  trader: Trader,
  known: KnownOrder,
  command: Change,
  headers: ChangeRequest['headers'],
  repeated: boolean,
): Promise<ChangeAnswer | Rejection<RejectionCode>> => {
  const wait = preferWait(headers)
  let outcome = repeated ? await getOutcome(command.commandId) : undefined
  if (outcome === undefined) {
    await putCommands(trader.lane, [command])
    outcome = wait && (await pollUntil(() => getOutcome(command.commandId), wait.untilMillis))
  }
  const applied = wait?.headers ?? {}
  const location = `/api/v1/orders/${command.orderId}`
  if (outcome === undefined) return { status: 202, body: known.order, headers: { location, ...applied } }
  if (!outcome.accepted) {
    if (outcome.code === undefined) throw new Error(`the outcome of ${command.commandId} says no without a code`)
    return { code: outcome.code, headers: applied }
  }
  // The order's row and the outcome are of the same event, written one with the other.
  const { order } = (await knownOrder(trader, command.orderId)) ?? known
  return { status: 200, body: order, headers: applied }
}
