import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type Direction, directions } from '#domain/trading/commands.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text, truth } from '../items.ts'
import { tradeIdOf } from '../market-keys.ts'
import { type Page, page } from '../pages.ts'
import type { Write } from '../writes.ts'

/** One side of a trade. */
export interface TradeRow {
  readonly accountId: number
  readonly tradeId: string
  readonly orderId: string
  readonly instrumentName: string
  readonly instrumentId: number
  /** The instrument's increments: with them the row can be told in decimals by itself. */
  readonly tickSize: string
  readonly minTradeAmount: string
  readonly direction: Direction
  readonly priceTicks: number
  readonly quantityLots: number
  readonly feeMicros: number
  readonly liquidity: Liquidity
  /** It was reversed. */
  readonly isBusted?: boolean
  readonly atMillis: number
  readonly eventId: string
  readonly lane: number
  readonly outSeq: number
  /** The other side. Never told to the account itself. */
  readonly counterpartyAccountId: number
  readonly counterpartyOrderId: string
  readonly counterpartyFeeMicros: number
}

const liquidities = ['maker', 'taker', 'auction'] as const
export type Liquidity = (typeof liquidities)[number]

const table = tables.trades

/** One side of one trade: an account may trade with itself, and has both then. */
type TradeSide = Pick<TradeRow, 'accountId' | 'tradeId' | 'direction'>

const keyOf = ({ accountId, tradeId, direction }: TradeSide): Item => ({
  account_id: accountId,
  trade_id: `${tradeId}-${direction}`,
})

export const getTrade = async (side: TradeSide): Promise<TradeRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: { ...keyOf(side) }, ConsistentRead: true }),
  )
  return Item === undefined ? undefined : tradeRowOf(Item)
}

/** Of a side that is known to be there. */
export const tradeBust = (side: TradeSide): Write => ({
  kind: 'update',
  table,
  key: keyOf(side),
  set: { is_busted: true },
})

/** Newest first. */
export const listTrades = (
  accountId: number,
  options: {
    readonly limit: number
    /** `next` of the page before. */
    readonly after?: string
    readonly instrumentName?: string
    readonly orderId?: string
  },
): Promise<Page<TradeRow>> => {
  const { limit, after, instrumentName, orderId } = options
  return page(
    {
      table,
      partition: { name: 'account_id', value: accountId },
      sortKeyName: 'trade_id',
      newestFirst: true,
      matching: { instrument_name: instrumentName, order_id: orderId },
      limit,
      ...(after === undefined ? {} : { after: { account_id: accountId, trade_id: after } }),
    },
    tradeRowOf,
  )
}

export const tradePut = (row: TradeRow): Write => ({
  kind: 'put',
  table,
  item: {
    ...keyOf(row),
    order_id: row.orderId,
    instrument_name: row.instrumentName,
    instrument_id: row.instrumentId,
    tick_size: row.tickSize,
    min_trade_amount: row.minTradeAmount,
    direction: row.direction,
    price_ticks: row.priceTicks,
    quantity_lots: row.quantityLots,
    fee_micros: row.feeMicros,
    liquidity: row.liquidity,
    is_busted: row.isBusted,
    at_millis: row.atMillis,
    event_id: row.eventId,
    lane: row.lane,
    out_seq: row.outSeq,
    counterparty_account_id: row.counterpartyAccountId,
    counterparty_order_id: row.counterpartyOrderId,
    counterparty_fee_micros: row.counterpartyFeeMicros,
  },
})

/** Also for images of the table's stream. */
export const tradeRowOf = (item: Item): TradeRow => {
  const liquidity = oneOf(item, 'liquidity', liquidities)
  const lane = integer(item, 'lane')
  const outSeq = integer(item, 'out_seq')
  return {
    accountId: integer(item, 'account_id'),
    tradeId: tradeIdOf(lane, outSeq),
    orderId: text(item, 'order_id'),
    instrumentName: text(item, 'instrument_name'),
    instrumentId: integer(item, 'instrument_id'),
    tickSize: text(item, 'tick_size'),
    minTradeAmount: text(item, 'min_trade_amount'),
    direction: oneOf(item, 'direction', directions),
    priceTicks: integer(item, 'price_ticks'),
    quantityLots: integer(item, 'quantity_lots'),
    feeMicros: integer(item, 'fee_micros'),
    liquidity,
    ...optional('isBusted', item, 'is_busted', truth),
    atMillis: integer(item, 'at_millis'),
    eventId: text(item, 'event_id'),
    lane,
    outSeq,
    counterpartyAccountId: integer(item, 'counterparty_account_id'),
    counterpartyOrderId: text(item, 'counterparty_order_id'),
    counterpartyFeeMicros: integer(item, 'counterparty_fee_micros'),
  }
}
