import { tradeIdOf } from '#adapters/market-keys.ts'
import type { OrderRow } from '#adapters/tables/orders.ts'
import type { PositionRow } from '#adapters/tables/positions.ts'
import type { TradeRow } from '#adapters/tables/trades.ts'
import { idOf } from './tape.ts'

/** Rows as projectors write them, of account 7, in an instrument of 0.05 a tick and 0.1 a lot. */
export const orderRow = (name: string, more: Partial<OrderRow> = {}): OrderRow => ({
  accountId: 7,
  orderId: idOf(name),
  clientOrderId: '',
  instrumentName: 'A-B',
  instrumentId: 1,
  tickSize: '0.05',
  minTradeAmount: '0.1',
  direction: 'buy',
  orderType: 'limit',
  timeInForce: 'good_til_cancelled',
  priceTicks: 51,
  quantityLots: 10,
  filledLots: 0,
  filledTickLots: 0,
  orderState: 'open',
  createdAtMillis: 1,
  updatedAtMillis: 1,
  eventId: '1:1:0',
  outSeq: 1,
  ...more,
})

export const tradeRow = (outSeq: number, more: Partial<TradeRow> = {}): TradeRow => ({
  accountId: 7,
  tradeId: tradeIdOf(1, outSeq),
  orderId: idOf('1'),
  instrumentName: 'A-B',
  instrumentId: 1,
  tickSize: '0.05',
  minTradeAmount: '0.1',
  direction: 'buy',
  priceTicks: 51,
  quantityLots: 10,
  feeMicros: 3,
  liquidity: 'taker',
  atMillis: 1,
  eventId: '1:1:0',
  lane: 1,
  outSeq,
  counterpartyAccountId: 8,
  counterpartyOrderId: idOf('2'),
  counterpartyFeeMicros: 2,
  ...more,
})

export const positionRow = (instrumentName: string, more: Partial<PositionRow> = {}): PositionRow => ({
  accountId: 7,
  instrumentName,
  instrumentId: 1,
  tickSize: '0.05',
  minTradeAmount: '0.1',
  sizeLots: -3,
  entryTickLots: -153,
  realisedMicros: -1,
  updatedAtMillis: 1,
  eventId: '1:1:0',
  lane: 1,
  outSeq: 1,
  ...more,
})
