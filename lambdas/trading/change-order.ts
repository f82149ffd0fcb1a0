import { v7 as uuidv7 } from 'uuid'
import { type CommandRow, findByRequestName, promise } from '#adapters/tables/commands.ts'
import { isLive } from '#adapters/tables/orders.ts'
import { getOutcome, type OutcomeRow } from '#adapters/tables/outcomes.ts'
import type { RejectionCode } from '#domain/outcome.ts'
import type { AmendOrder, CancelOrder } from '#domain/trading/commands.ts'
import type { Order } from '#protocol/operations/trading.ts'
import { deliver } from '../shell/command-intake.ts'
import type { Principal, Rejection } from '../shell/http.ts'
import { bodyHash, namedRequest } from '../shell/named-request.ts'
import { type KnownOrder, knownOrder } from './order-view.ts'
import { findAmong, type Trader, tradersOf } from './trader.ts'

export type Change = AmendOrder | CancelOrder

interface ChangeRequest {
  readonly principal: Principal
  /** Undefined where there is no such order of the trader's. */
  readonly find: (trader: Trader) => Promise<KnownOrder | undefined>
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
  { principal, find, body, idempotencyKey, headers, admitted }: ChangeRequest,
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
  const traders = await tradersOf(principal)
  if (traders.length === 0) return { code: 'account-not-open' }
  const among = await findAmong(traders, find)
  if (among === undefined) return { code: 'unknown-order' }
  const { trader, found: known } = among

  const requestName = idempotencyKey === undefined ? undefined : changeName(operation, idempotencyKey)
  const hash = changeHash(known, body)
  // A repeat is told from a new request before anything else is: the first may have closed the order.
  const before = requestName === undefined ? undefined : await findByRequestName(trader.account, requestName)
  if (!(await admitted())) return { code: 'rate-limited' }
  if (before !== undefined)
    return before.bodyHash === hash
      ? answer(trader, known, changeOf(before), headers, true)
      : { code: 'idempotency-conflict' }

  if (isClosed(known)) return { code: 'order-closed' }
  const decided = await decide(known, trader)
  if ('code' in decided) return decided
  if (requestName !== undefined) {
    const stored = await promise(changePromise(trader, requestName, hash, decided))
    if (!stored.first)
      return stored.row.bodyHash === hash
        ? answer(trader, known, changeOf(stored.row), headers, true)
        : { code: 'idempotency-conflict' }
  }
  return answer(trader, known, decided, headers, false)
}

export const changeName = (operation: Change['type'], name: string): string => `${operation}#${name}`

/** Whichever way the order is named. */
export const changeHash = ({ orderId }: KnownOrder, body: unknown): string => bodyHash({ order_id: orderId, body })

export const isClosed = ({ row }: KnownOrder): boolean => row !== undefined && !isLive(row.orderState)

export const changePromise = (trader: Trader, requestName: string, hash: string, change: Change): CommandRow =>
  namedRequest({
    principal: trader.account,
    requestName,
    commandId: change.commandId,
    operation: change.type,
    bodyHash: hash,
    lane: trader.lane,
    accountId: trader.accountId,
    requestJson: JSON.stringify(change),
  })

export const changeOf = ({ requestJson }: CommandRow): Change => JSON.parse(requestJson)

export const cancellingOf = async ({ orderId }: KnownOrder, { accountId }: Trader): Promise<CancelOrder> => ({
  type: 'cancel-order',
  commandId: uuidv7(),
  accountId,
  orderId,
})

/** What the engine said no with; undefined where it said yes. */
export const refusalIn = ({ commandId, accepted, code }: OutcomeRow): RejectionCode | undefined => {
  if (!accepted && code === undefined) throw new Error(`the outcome of ${commandId} says no without a code`)
  return accepted ? undefined : code
}

const answer = async (
  trader: Trader,
  known: KnownOrder,
  command: Change,
  headers: ChangeRequest['headers'],
  repeated: boolean,
): Promise<ChangeAnswer | Rejection<RejectionCode>> => {
  const { outcome, headers: applied } = await deliver(trader.lane, command, repeated, headers, getOutcome)
  const location = `/api/v1/orders/${command.orderId}`
  if (outcome === undefined) return { status: 202, body: known.order, headers: { location, ...applied } }
  const refusal = refusalIn(outcome)
  if (refusal !== undefined) return { code: refusal, headers: applied }
  // The order's row and the outcome are of the same event, written one with the other.
  const { order } = (await knownOrder(trader, command.orderId)) ?? known
  return { status: 200, body: order, headers: applied }
}
