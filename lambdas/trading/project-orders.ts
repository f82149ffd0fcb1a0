import { tradeIdOf } from '#adapters/market-keys.ts'
import { type OrderRow, orderPut, orderUpdate } from '#adapters/tables/orders.ts'
import { getTrade, type TradeRow, tradeBust, tradePut } from '#adapters/tables/trades.ts'
import type { Write } from '#adapters/writes.ts'
import type { Instrument } from '#domain/reference/instrument.ts'
import type { OrderFields, TradeBusted, TradeExecuted, TradeLeg } from '#domain/trading/events.ts'
import { isStop } from '#protocol/order-request.ts'
import { namedInstruments } from '../shell/named-instruments.ts'
import { acceptedOutcome, cancelledOutcome, rejectedOutcome } from '../shell/outcome-writes.ts'
import { type PlacedEvent, type Projection, serveProjection } from '../shell/projection.ts'
import { logger } from '../shell/stream.ts'

/** Orders, both sides of trades, what was busted of them, and what became of cancels and amendments. */
export const projectOrders: Projection = {
  name: 'project-orders',
  async load(lane, events) {
    const [instrumentOf, bustedSides] = await Promise.all([namedInstruments(lane, events), sidesToBust(events)])
    return placed => writesOf(placed, { instrumentOf, bustedSides })
  },
}

export const handler = serveProjection(projectOrders)

interface Loaded {
  readonly instrumentOf: (instrumentId: number) => Instrument
  readonly bustedSides: ReadonlyMap<PlacedEvent, readonly TradeSide[]>
}

type TradeSide = Pick<TradeRow, 'accountId' | 'tradeId' | 'direction'>

const sidesOf = ({ tradeId, buyer, seller }: TradeBusted): readonly TradeSide[] => [
  { accountId: buyer.accountId, tradeId, direction: 'buy' },
  { accountId: seller.accountId, tradeId, direction: 'sell' },
]

const textOf = ({ accountId, tradeId, direction }: TradeSide): string => `${accountId} ${tradeId} ${direction}`

/** The rows that a bust marks: in the table, or about to be. The engine takes a trade's id as it is given. */
const sidesToBust = async (events: readonly PlacedEvent[]): Promise<Loaded['bustedSides']> => {
  const busts = events.filter(({ event }) => event.type === 'trade-busted')
  if (busts.length === 0) return new Map()
  const made = new Set(
    events.flatMap(({ event, lane, outSeq }) =>
      event.type === 'trade-executed'
        ? [event.maker, event.taker].map(leg => textOf({ ...leg, tradeId: tradeIdOf(lane, outSeq) }))
        : [],
    ),
  )
  const found = await Promise.all(
    busts.map(async (placed): Promise<[PlacedEvent, TradeSide[]]> => {
      if (placed.event.type !== 'trade-busted') return [placed, []]
      const sides: TradeSide[] = []
      for (const side of sidesOf(placed.event))
        if (made.has(textOf(side)) || (await getTrade(side)) !== undefined) sides.push(side)
      if (sides.length < 2)
        logger.warn('a trade was busted that the account has no fill of', { event_id: placed.eventId, sides })
      return [placed, sides]
    }),
  )
  return new Map(found)
}

const writesOf = (placed: PlacedEvent, { instrumentOf, bustedSides }: Loaded): readonly Write[] => {
  const { event, eventId, outSeq, atMillis } = placed
  const stamp = { updatedAtMillis: atMillis, eventId, outSeq }
  switch (event.type) {
    case 'order-accepted':
      return [
        orderPut({
          ...newOrder(placed, event, instrumentOf(event.instrumentId)),
          // One whose trigger was reached before is triggered by the next event.
          orderState: isStop(event.orderType) ? 'untriggered' : 'open',
          ...(event.quoteGroup === '' ? {} : { quoteGroup: event.quoteGroup }),
        }),
      ]
    case 'order-triggered':
      return [
        orderUpdate({
          accountId: event.accountId,
          orderId: event.orderId,
          orderState: 'open',
          priceTicks: event.priceTicks,
          triggeredAtMillis: atMillis,
          ...stamp,
        }),
      ]
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
            // Smaller than it was where a stop that only reduces was triggered.
            quantityLots: leg.filledLots + leg.remainingLots,
            filledLots: leg.filledLots,
            filledTickLots: leg.filledTickLots,
            ...stamp,
          }),
        ),
        tradePut({
          ...tradeSide(placed, event, instrument, event.maker, event.taker),
          liquidity: event.isAuction ? 'auction' : 'maker',
        }),
        tradePut({
          ...tradeSide(placed, event, instrument, event.taker, event.maker),
          liquidity: event.isAuction ? 'auction' : 'taker',
        }),
      ]
    }
    case 'trade-busted':
      return (bustedSides.get(placed) ?? []).map(tradeBust)
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
          // A stop that waits does not rest anywhere, and waits on.
          ...(event.previousTicks === 0 ? {} : { orderState: 'open' }),
          priceTicks: event.priceTicks,
          quantityLots: event.quantityLots,
          filledLots: event.filledLots,
          ...stamp,
        }),
        // In the order's own name where nobody asked for it: a stop that only reduces has less to reduce.
        ...(event.commandId === event.orderId ? [] : [acceptedOutcome(placed, event.commandId)]),
      ]
    case 'orders-cancelled':
      return [cancelledOutcome(placed, event.commandId, event.cancelledOrders)]
    case 'command-rejected':
      return orderCommands.has(event.commandType) ? [rejectedOutcome(placed, event.commandId, event.code)] : []
    default:
      return []
  }
}

const orderCommands: ReadonlySet<string> = new Set(['cancel-order', 'amend-order', 'cancel-orders'])

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
  ...(order.label === '' ? {} : { label: order.label }),
  ...(order.displayLots === 0 ? {} : { displayLots: order.displayLots }),
  ...(order.triggerTicks === 0 ? {} : { triggerTicks: order.triggerTicks, trigger: order.trigger }),
  ...(order.expiresAtMillis === 0 ? {} : { expiresAtMillis: order.expiresAtMillis }),
  ...(order.postOnly === 'no' ? {} : { postOnly: order.postOnly }),
  ...(order.reduceOnly ? { reduceOnly: true } : {}),
  ...(order.selfTradePrevention === 'none' ? {} : { selfTradePrevention: order.selfTradePrevention }),
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
