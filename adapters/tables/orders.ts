import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type RejectionCode, rejectionCodes } from '#domain/outcome.ts'
import {
  type Direction,
  directions,
  type OrderType,
  orderTypes,
  type PostOnly,
  type SelfTradePrevention,
  selfTradePreventions,
  type TimeInForce,
  type Trigger,
  timesInForce,
  triggers,
} from '#domain/trading/commands.ts'
import { type CancelReason, cancelReasons } from '#domain/trading/events.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text, truth } from '../items.ts'
import { type Page, page } from '../pages.ts'
import type { Write } from '../writes.ts'

export interface OrderRow {
  readonly accountId: number
  readonly orderId: string
  /** The client's own name for it; empty where none was given. */
  readonly clientOrderId: string
  readonly instrumentName: string
  readonly instrumentId: number
  /** The instrument's increments when the order was made: with them the row can be told in decimals by itself. */
  readonly tickSize: string
  readonly minTradeAmount: string
  readonly direction: Direction
  readonly orderType: OrderType
  readonly timeInForce: TimeInForce
  readonly priceTicks: number
  readonly quantityLots: number
  readonly filledLots: number
  readonly filledTickLots: number
  readonly orderState: OrderState
  /** What most orders do without is absent then. */
  readonly label?: string
  readonly displayLots?: number
  readonly trigger?: Trigger
  readonly triggerTicks?: number
  readonly triggeredAtMillis?: number
  readonly expiresAtMillis?: number
  readonly postOnly?: Exclude<PostOnly, 'no'>
  readonly reduceOnly?: boolean
  readonly selfTradePrevention?: SelfTradePrevention
  /** Of a side of a mass quote. */
  readonly quoteGroup?: string
  readonly rejectReason?: RejectionCode
  readonly cancelReason?: CancelReason
  readonly createdAtMillis: number
  readonly updatedAtMillis: number
  /** Of the event that made the row what it is. */
  readonly eventId: string
  readonly outSeq: number
}

const orderStates = ['untriggered', 'open', 'filled', 'rejected', 'cancelled'] as const
export type OrderState = (typeof orderStates)[number]
const postOnlys = ['reject', 'slide'] as const

/** Whether it may still be changed or cancelled. Such orders are in the index `open-orders`. */
export const isLive = (orderState: OrderState): boolean => orderState === 'open' || orderState === 'untriggered'
const closedStates = orderStates.filter(orderState => !isLive(orderState))

const table = tables.orders

export const getOrder = async (accountId: number, orderId: string): Promise<OrderRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { account_id: accountId, order_id: orderId },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : orderRowOf(Item)
}

/** Newest first. Open ones and stops that wait come from their index, which follows the table within moments. */
export const listOrders = (
  accountId: number,
  options: {
    readonly limit: number
    /** `next` of the page before. */
    readonly after?: string
    readonly instrumentName?: string
    readonly orderState?: OrderState | 'closed'
    readonly direction?: Direction
    readonly label?: string
    readonly isQuote?: true
  },
): Promise<Page<OrderRow>> => {
  const { limit, after, instrumentName, orderState, direction, label, isQuote } = options
  const isOfLive = orderState !== undefined && orderState !== 'closed' && isLive(orderState)
  const partitionName = isOfLive ? 'open_account_id' : 'account_id'
  return page(
    {
      table,
      ...(isOfLive ? { index: 'open-orders' } : {}),
      partition: { name: partitionName, value: accountId },
      sortKeyName: 'order_id',
      newestFirst: true,
      matching: {
        instrument_name: instrumentName,
        order_state: orderState === 'closed' ? closedStates : orderState,
        direction,
        label,
        is_quote: isQuote,
      },
      limit,
      ...(after === undefined
        ? {}
        : { after: { account_id: accountId, order_id: after, ...(isOfLive ? { open_account_id: accountId } : {}) } }),
    },
    orderRowOf,
  )
}

export const orderPut = (row: OrderRow): Write => ({
  kind: 'put',
  table,
  item: {
    account_id: row.accountId,
    order_id: row.orderId,
    open_account_id: isLive(row.orderState) ? row.accountId : undefined,
    client_order_id: row.clientOrderId,
    instrument_name: row.instrumentName,
    instrument_id: row.instrumentId,
    tick_size: row.tickSize,
    min_trade_amount: row.minTradeAmount,
    direction: row.direction,
    order_type: row.orderType,
    time_in_force: row.timeInForce,
    price_ticks: row.priceTicks,
    quantity_lots: row.quantityLots,
    filled_lots: row.filledLots,
    filled_tick_lots: row.filledTickLots,
    order_state: row.orderState,
    label: row.label,
    display_lots: row.displayLots,
    trigger: row.trigger,
    trigger_ticks: row.triggerTicks,
    triggered_at_millis: row.triggeredAtMillis,
    expires_at_millis: row.expiresAtMillis,
    post_only: row.postOnly,
    reduce_only: row.reduceOnly,
    self_trade_prevention: row.selfTradePrevention,
    is_quote: row.quoteGroup === undefined ? undefined : true,
    quote_group: row.quoteGroup,
    reject_reason: row.rejectReason,
    cancel_reason: row.cancelReason,
    created_at_millis: row.createdAtMillis,
    updated_at_millis: row.updatedAtMillis,
    event_id: row.eventId,
    out_seq: row.outSeq,
  },
})

type OrderChange = Pick<OrderRow, 'accountId' | 'orderId' | 'updatedAtMillis' | 'eventId' | 'outSeq'> &
  Partial<
    Pick<
      OrderRow,
      | 'orderState'
      | 'priceTicks'
      | 'quantityLots'
      | 'filledLots'
      | 'filledTickLots'
      | 'triggeredAtMillis'
      | 'cancelReason'
    >
  >

/** What an event changes of an order that is there already; what it does not name stays. */
export const orderUpdate = (change: OrderChange): Write => ({
  kind: 'update',
  table,
  key: { account_id: change.accountId, order_id: change.orderId },
  set: {
    order_state: change.orderState,
    price_ticks: change.priceTicks,
    quantity_lots: change.quantityLots,
    filled_lots: change.filledLots,
    filled_tick_lots: change.filledTickLots,
    triggered_at_millis: change.triggeredAtMillis,
    cancel_reason: change.cancelReason,
    updated_at_millis: change.updatedAtMillis,
    event_id: change.eventId,
    out_seq: change.outSeq,
  },
  ...(change.orderState === undefined || isLive(change.orderState) ? {} : { remove: ['open_account_id'] }),
})

/** Also for images of the table's stream. */
export const orderRowOf = (item: Item): OrderRow => ({
  accountId: integer(item, 'account_id'),
  orderId: text(item, 'order_id'),
  clientOrderId: text(item, 'client_order_id'),
  instrumentName: text(item, 'instrument_name'),
  instrumentId: integer(item, 'instrument_id'),
  tickSize: text(item, 'tick_size'),
  minTradeAmount: text(item, 'min_trade_amount'),
  direction: oneOf(item, 'direction', directions),
  orderType: oneOf(item, 'order_type', orderTypes),
  timeInForce: oneOf(item, 'time_in_force', timesInForce),
  priceTicks: integer(item, 'price_ticks'),
  quantityLots: integer(item, 'quantity_lots'),
  filledLots: integer(item, 'filled_lots'),
  filledTickLots: integer(item, 'filled_tick_lots'),
  orderState: oneOf(item, 'order_state', orderStates),
  ...optional('label', item, 'label', text),
  ...optional('displayLots', item, 'display_lots', integer),
  ...optional('trigger', item, 'trigger', (from, name) => oneOf(from, name, triggers)),
  ...optional('triggerTicks', item, 'trigger_ticks', integer),
  ...optional('triggeredAtMillis', item, 'triggered_at_millis', integer),
  ...optional('expiresAtMillis', item, 'expires_at_millis', integer),
  ...optional('postOnly', item, 'post_only', (from, name) => oneOf(from, name, postOnlys)),
  ...optional('reduceOnly', item, 'reduce_only', truth),
  ...optional('selfTradePrevention', item, 'self_trade_prevention', (from, name) =>
    oneOf(from, name, selfTradePreventions),
  ),
  ...optional('quoteGroup', item, 'quote_group', text),
  ...optional('rejectReason', item, 'reject_reason', (from, name) => oneOf(from, name, rejectionCodes)),
  ...optional('cancelReason', item, 'cancel_reason', (from, name) => oneOf(from, name, cancelReasons)),
  createdAtMillis: integer(item, 'created_at_millis'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  eventId: text(item, 'event_id'),
  outSeq: integer(item, 'out_seq'),
})
