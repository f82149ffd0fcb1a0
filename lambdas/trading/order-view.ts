import { type CommandRow, findByCommandId, findByRequestName } from '#adapters/tables/commands.ts'
import { getOrder, type OrderRow } from '#adapters/tables/orders.ts'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import { decimal, decimalRatio } from '#domain/units.ts'
import type { Order } from '#protocol/operations/trading.ts'
import { isAtMarket } from '#protocol/order-request.ts'
import type { Trader } from './trader.ts'

/** A placed order as the commands table keeps it: the very command, to be put again unchanged, and its increments. */
export interface Placement {
  readonly command: PlaceOrder
  readonly instrumentName: string
  readonly tickSize: string
  readonly minTradeAmount: string
}

export const placementOf = (promised: CommandRow): Placement => JSON.parse(promised.requestJson)

/** An order of the trader's: projected, or promised and on its way. */
export interface KnownOrder {
  readonly orderId: string
  /** Undefined while it is pending. */
  readonly row: OrderRow | undefined
  readonly instrumentName: string
  readonly order: Order
}

/** Undefined where there is none, or it is another account's: that is for nobody to know. */
export const knownOrder = async (trader: Trader, orderId: string): Promise<KnownOrder | undefined> => {
  const projected = await projectedOrder(trader, orderId)
  if (projected !== undefined) return projected
  const promised = await findByCommandId(trader.account, orderId)
  return promised?.operation === 'place-order' ? pendingOrder(promised) : undefined
}

export const placeOrderName = (name: string): string => `place-order#${name}`

/** By the name that the client gave it: while that is remembered, which is 30 days. */
export const orderOfClient = async (trader: Trader, clientOrderId: string): Promise<KnownOrder | undefined> => {
  const promised = await findByRequestName(trader.account, placeOrderName(clientOrderId))
  // An order that was named by Idempotency-Key has no client_order_id.
  if (promised === undefined || placementOf(promised).command.clientOrderId !== clientOrderId) return undefined
  return (await projectedOrder(trader, promised.commandId)) ?? pendingOrder(promised)
}

export const projectedOrder = async (trader: Trader, orderId: string): Promise<KnownOrder | undefined> => {
  const row = await getOrder(trader.accountId, orderId)
  return row && { orderId, row, instrumentName: row.instrumentName, order: orderOf(row) }
}

export const pendingOrder = (promised: CommandRow, placement = placementOf(promised)): KnownOrder => {
  const { command, instrumentName, tickSize, minTradeAmount } = placement
  const promisedAt = new Date(promised.createdAtMillis).toISOString()
  return {
    orderId: command.orderId,
    row: undefined,
    instrumentName,
    order: {
      order_id: command.orderId,
      client_order_id: command.clientOrderId === '' ? null : command.clientOrderId,
      instrument_name: instrumentName,
      direction: command.direction,
      amount: decimal(command.quantityLots, minTradeAmount),
      price: isAtMarket(command.orderType) ? null : decimal(command.priceTicks, tickSize),
      order_type: command.orderType,
      time_in_force: command.timeInForce,
      expires_at: command.expiresAtMillis === 0 ? null : new Date(command.expiresAtMillis).toISOString(),
      order_state: 'pending',
      filled_amount: '0',
      average_price: null,
      display_amount: command.displayLots === 0 ? null : decimal(command.displayLots, minTradeAmount),
      trigger: command.triggerTicks === 0 ? null : command.trigger,
      trigger_price: command.triggerTicks === 0 ? null : decimal(command.triggerTicks, tickSize),
      triggered_at: null,
      post_only: command.postOnly !== 'no',
      reject_post_only: command.postOnly === 'reject',
      reduce_only: command.reduceOnly,
      label: command.label === '' ? null : command.label,
      self_trade_prevention: command.selfTradePrevention,
      reject_reason: null,
      cancel_reason: null,
      creation_timestamp: promisedAt,
      last_update_timestamp: promisedAt,
    },
  }
}

export const orderOf = (row: OrderRow): Order => ({
  order_id: row.orderId,
  client_order_id: row.clientOrderId === '' ? null : row.clientOrderId,
  instrument_name: row.instrumentName,
  direction: row.direction,
  amount: decimal(row.quantityLots, row.minTradeAmount),
  // The engine's protection price of a market order is not a price that anybody asked for.
  price: isAtMarket(row.orderType) ? null : decimal(row.priceTicks, row.tickSize),
  order_type: row.orderType,
  time_in_force: row.timeInForce,
  expires_at: instantOrNull(row.expiresAtMillis),
  order_state: row.orderState,
  filled_amount: decimal(row.filledLots, row.minTradeAmount),
  average_price: decimalRatio(row.filledTickLots, row.filledLots, row.tickSize) ?? null,
  display_amount: row.displayLots === undefined ? null : decimal(row.displayLots, row.minTradeAmount),
  trigger: row.trigger ?? null,
  trigger_price: row.triggerTicks === undefined ? null : decimal(row.triggerTicks, row.tickSize),
  triggered_at: instantOrNull(row.triggeredAtMillis),
  post_only: row.postOnly !== undefined,
  reject_post_only: row.postOnly === 'reject',
  reduce_only: row.reduceOnly ?? false,
  label: row.label ?? null,
  self_trade_prevention: row.selfTradePrevention ?? 'none',
  reject_reason: row.rejectReason ?? null,
  cancel_reason: row.cancelReason ?? null,
  creation_timestamp: new Date(row.createdAtMillis).toISOString(),
  last_update_timestamp: new Date(row.updatedAtMillis).toISOString(),
})

const instantOrNull = (millis: number | undefined): string | null =>
  millis === undefined ? null : new Date(millis).toISOString()
