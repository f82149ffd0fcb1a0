import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { Candle, CandleResolution } from '#domain/trading/candles.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, whole } from '../items.ts'
import { marketKeyOf } from '../market-keys.ts'
import { type Page, page } from '../pages.ts'
import type { Write } from '../writes.ts'

export interface CandleRow {
  readonly lane: number
  readonly instrumentId: number
  readonly resolution: CandleResolution
  readonly candle: Candle
  /** Of the last event that changed it. */
  readonly outSeq: number
}

const table = tables.candles

const seriesOf = (lane: number, instrumentId: number, resolution: CandleResolution): string =>
  `${marketKeyOf(lane, instrumentId)}#${resolution}`

/** One whose trades were all reversed is empty. */
export const getCandle = async (
  lane: number,
  instrumentId: number,
  resolution: CandleResolution,
  startMillis: number,
): Promise<{ readonly candle: Candle; readonly outSeq: number } | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { series: seriesOf(lane, instrumentId, resolution), start_millis: startMillis },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : { candle: candleOf(Item), outSeq: integer(Item, 'out_seq') }
}

/**
 * Newest first: those that begin from one instant on and before another. A page may have fewer than it might, where
 * all trades of a candle were reversed.
 */
export const listCandles = async (
  lane: number,
  instrumentId: number,
  resolution: CandleResolution,
  options: { readonly limit: number; readonly startMillis?: number; readonly endMillis?: number },
): Promise<Page<Candle>> => {
  const { limit, startMillis = 0, endMillis = Number.MAX_SAFE_INTEGER } = options
  if (startMillis >= endMillis) return { rows: [] }
  const { rows, ...rest } = await page(
    {
      table,
      partition: { name: 'series', value: seriesOf(lane, instrumentId, resolution) },
      sortKeyName: 'start_millis',
      between: [startMillis, endMillis - 1],
      newestFirst: true,
      limit,
    },
    candleOf,
  )
  return { rows: rows.filter(({ trades }) => trades > 0), ...rest }
}

export const candlePut = ({ lane, instrumentId, resolution, candle, outSeq }: CandleRow): Write => ({
  kind: 'put',
  table,
  item: {
    series: seriesOf(lane, instrumentId, resolution),
    start_millis: candle.startMillis,
    open_ticks: candle.openTicks,
    high_ticks: candle.highTicks,
    low_ticks: candle.lowTicks,
    close_ticks: candle.closeTicks,
    // As text: no bound of a double for what is added up.
    volume_lots: String(candle.volumeLots),
    turnover_tick_lots: String(candle.turnoverTickLots),
    trades: candle.trades,
    out_seq: outSeq,
  },
})

const candleOf = (item: Item): Candle => ({
  startMillis: integer(item, 'start_millis'),
  openTicks: integer(item, 'open_ticks'),
  highTicks: integer(item, 'high_ticks'),
  lowTicks: integer(item, 'low_ticks'),
  closeTicks: integer(item, 'close_ticks'),
  volumeLots: whole(item, 'volume_lots'),
  turnoverTickLots: whole(item, 'turnover_tick_lots'),
  trades: integer(item, 'trades'),
})
