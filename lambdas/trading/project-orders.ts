import { type OrderRow, orderPut, orderUpdate } from '#adapters/tables/orders.ts'
import { type TradeRow, tradeIdOf, tradePut } from '#adapters/tables/trades.ts'
import type { Write } from '#adapters/writes.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import type { OrderFields, TradeExecuted, TradeLeg } from '#domain/trading/events.ts'
import { namedInstruments } from '../shell/named-instruments.ts'
import { acceptedOutcome, rejectedOutcome } from '../shell/outcome-writes.ts'
import { type PlacedEvent, type Projection, serveProjection } from '../shell/projection.ts'

/** Orders, both sides of trades, and what became of cancels and amendments. */
export const projectOrders: Projection = {
  name: 'project-orders',
  async load(lane, events) {
    const instrumentOf = await namedInstruments(lane, events)
    return placed => writesOf(placed, instrumentOf)
  },
}

export const handler = serveProjection(projectOrders)

const writesOf = (placed: PlacedEvent, instrumentOf: (instrumentId: number) => Instrument): readonly Write[] => {
  const { event, eventId, outSeq, atMillis } = placed
  const stamp = { updatedAtMillis: atMillis, eventId, outSeq }
  switch (event.type) {
    case 'order-accepted':
      return [orderPut({ ...newOrder(placed, event, instrumentOf(event.instrumentId)), orderState: 'open' })]
    case 'order-rejected':
      // The id is another order's, whose row it stays.
      if (event.code === 'duplicate-order') return []
      // Without an account or an instrument there is nobody's list to be in.
      if (event.code === 'unknown-account' || event.code === 'unknown-instrument')
        return [rejectedOutcome(placed, event.orderId, event.code)]
      return [
        orderPut({
          ...newOrder(placed, event, instrumentOf(event.instrumentId)),
          orderState: 'rejected',
          rejectReason: event.code,
        }),
      ]
    case 'trade-executed': {
      const instrument = instrumentOf(event.instrumentId)
      return [
        ...[event.maker, event.taker].map(leg =>
          orderUpdate({
            accountId: leg.accountId,
            orderId: leg.orderId,
            orderState: leg.remainingLots === 0 ? 'filled' : 'open',
            filledLots: leg.filledLots,
            filledTickLots: leg.filledTickLots,
            ...stamp,
          }),
        ),
        tradePut({ ...tradeSide(placed, event, instrument, event.maker, event.taker), liquidity: 'maker' }),
        tradePut({ ...tradeSide(placed, event, instrument, event.taker, event.maker), liquidity: 'taker' }),
      ]
    }
    case 'order-cancelled':
      return [
        orderUpdate({
          accountId: event.accountId,
          orderId: event.orderId,
          orderState: 'cancelled',
          cancelReason: event.reason,
          filledLots: event.filledLots,
          ...stamp,
        }),
        ...(event.reason === 'user-request' ? [acceptedOutcome(placed, event.commandId)] : []),
      ]
    case 'order-amended':
      return [
        orderUpdate({
          accountId: event.accountId,
          orderId: event.orderId,
          orderState: 'open',
          priceTicks: event.priceTicks,
          quantityLots: event.quantityLots,
          filledLots: event.filledLots,
          ...stamp,
        }),
        acceptedOutcome(placed, event.commandId),
      ]
    case 'command-rejected':
      return event.commandType === 'cancel-order' || event.commandType === 'amend-order'
        ? [rejectedOutcome(placed, event.commandId, event.code)]
        : []
    default:
      return []
  }
}

const newOrder = (
  { atMillis, eventId, outSeq }: PlacedEvent,
  order: OrderFields,
  { specification }: Instrument,
): Omit<OrderRow, 'orderState'> => ({
  accountId: order.accountId,
  orderId: order.orderId,
  clientOrderId: order.clientOrderId,
  instrumentName: specification.instrumentName,
  instrumentId: order.instrumentId,
  tickSize: specification.tickSize,
  minTradeAmount: specification.minTradeAmount,
  direction: order.direction,
  orderType: order.orderType,
  timeInForce: order.timeInForce,
  priceTicks: order.priceTicks,
  quantityLots: order.quantityLots,
  filledLots: 0,
  filledTickLots: 0,
  createdAtMillis: atMillis,
  updatedAtMillis: atMillis,
  eventId,
  outSeq,
})

const tradeSide = (
  { lane, outSeq, eventId, atMillis }: PlacedEvent,
  { instrumentId, priceTicks, quantityLots }: TradeExecuted,
  { specification }: Instrument,
  own: TradeLeg,
  other: TradeLeg,
): Omit<TradeRow, 'liquidity'> => ({
  accountId: own.accountId,
  tradeId: tradeIdOf(lane, outSeq),
  orderId: own.orderId,
  instrumentName: specification.instrumentName,
  instrumentId,
  tickSize: specification.tickSize,
  minTradeAmount: specification.minTradeAmount,
  direction: own.direction,
  priceTicks,
  quantityLots,
  feeMicros: own.feeMicros,
  atMillis,
  eventId,
  lane,
  outSeq,
  counterpartyAccountId: other.accountId,
  counterpartyOrderId: other.orderId,
  counterpartyFeeMicros: other.feeMicros,
})
