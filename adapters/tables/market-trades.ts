import { type Direction, directions } from '#domain/trading/commands.ts'
import { tables } from '#protocol/tables.ts'
import { type Item, integer, oneOf, optional, text, truth } from '../items.ts'
import { marketKeyOf } from '../market-keys.ts'
import { type Page, page } from '../pages.ts'
import type { Write } from '../writes.ts'

/** A trade as everybody may know it: no account, no order. */
export interface MarketTradeRow {
  readonly lane: number
  readonly instrumentId: number
  /** The same as in both sides' own trades. */
  readonly tradeId: string
  readonly priceTicks: number
  readonly quantityLots: number
  /** Of the taker; in an auction, where nobody takes, of the seller. */
  readonly direction: Direction
  readonly isAuction: boolean
  /** Reversed since. */
  readonly isBusted?: boolean
  readonly atMillis: number
  readonly outSeq: number
}

const table = tables.marketTrades

/** By time, then by number; 15 digits take any year that a request can name. */
const timeKeyOf = (millis: number): string => String(Math.max(0, millis)).padStart(15, '0')
const sortKeyOf = (atMillis: number, outSeq: number): string =>
  `${timeKeyOf(atMillis)}-${String(outSeq).padStart(16, '0')}`

/** Newest first. */
export const listMarketTrades = (
  lane: number,
  instrumentId: number,
  options: {
    readonly limit: number
    /** The trade that the page comes after. */
    readonly after?: { readonly atMillis: number; readonly outSeq: number }
    /** From this instant on. */
    readonly startMillis?: number
    /** Before this instant. */
    readonly endMillis?: number
  },
): Promise<Page<MarketTradeRow>> => {
  const { limit, after, startMillis = 0, endMillis = Number.MAX_SAFE_INTEGER } = options
  const from = timeKeyOf(startMillis)
  const end = timeKeyOf(endMillis)
  // A cursor is an end too: DynamoDB refuses to go on from outside of what is asked for.
  const last = after === undefined ? end : sortKeyOf(after.atMillis, after.outSeq - 1)
  const [to = end] = [last, end].sort()
  if (from > to) return Promise.resolve({ rows: [] })
  return page(
    {
      table,
      partition: { name: 'market', value: marketKeyOf(lane, instrumentId) },
      sortKeyName: 'trade_key',
      between: [from, to],
      newestFirst: true,
      limit,
    },
    marketTradeRowOf,
  )
}

/** All from one instant on and before another, oldest first. */
export const marketTradesOfSpan = async (
  lane: number,
  instrumentId: number,
  span: { readonly startMillis: number; readonly endMillis: number },
): Promise<readonly MarketTradeRow[]> => {
  const found: MarketTradeRow[] = []
  for (;;) {
    const last = found.at(-1)
    const after = last === undefined ? {} : { after: last }
    const { rows, next } = await listMarketTrades(lane, instrumentId, { limit: tradesOfRead, ...span, ...after })
    found.push(...rows)
    if (next === undefined) return found.reverse()
  }
}

/** About half of the megabyte that DynamoDB answers with at most. */
const tradesOfRead = 2_000

export const marketTradePut = (row: MarketTradeRow): Write => ({
  kind: 'put',
  table,
  item: {
    market: marketKeyOf(row.lane, row.instrumentId),
    trade_key: sortKeyOf(row.atMillis, row.outSeq),
    trade_id: row.tradeId,
    price_ticks: row.priceTicks,
    quantity_lots: row.quantityLots,
    direction: row.direction,
    is_auction: row.isAuction,
    is_busted: row.isBusted,
    at_millis: row.atMillis,
    lane: row.lane,
    instrument_id: row.instrumentId,
    out_seq: row.outSeq,
  },
})

/** Only of a trade that is there. */
export const marketTradeBust = ({ lane, instrumentId, atMillis, outSeq }: MarketTradeRow): Write => ({
  kind: 'update',
  table,
  key: { market: marketKeyOf(lane, instrumentId), trade_key: sortKeyOf(atMillis, outSeq) },
  set: { is_busted: true },
})

const marketTradeRowOf = (item: Item): MarketTradeRow => ({
  lane: integer(item, 'lane'),
  instrumentId: integer(item, 'instrument_id'),
  tradeId: text(item, 'trade_id'),
  priceTicks: integer(item, 'price_ticks'),
  quantityLots: integer(item, 'quantity_lots'),
  direction: oneOf(item, 'direction', directions),
  isAuction: truth(item, 'is_auction'),
  ...optional('isBusted', item, 'is_busted', truth),
  atMillis: integer(item, 'at_millis'),
  outSeq: integer(item, 'out_seq'),
})
