import { getBook } from '#adapters/tables/books.ts'
import { listCandles } from '#adapters/tables/candles.ts'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { getMark } from '#adapters/tables/marks.ts'
import { bestLevels } from '#domain/trading/book-side.ts'
import { type Candle, candleStart, joined, millisOfResolution } from '#domain/trading/candles.ts'
import { newMarket } from '#domain/trading/market-data.ts'
import type { getTicker } from '#protocol/operations/reference.ts'
import type { Handle } from '../shell/http.ts'
import { findMarket } from './find-market.ts'
import { amountOf, marketStatusOf, priceOf, priceOrNull, turnoverOf } from './market-data-view.ts'

const dayMillis = millisOfResolution['1d']
const hourMillis = millisOfResolution['1h']

export const handle: Handle<typeof getTicker> = async ({ path }) => {
  const row = await findMarket(path.instrument_name)
  if (row === undefined) return { code: 'not-found' }
  const { lane, instrument } = row
  const [book, mark, day] = await Promise.all([
    getBook(lane, instrument.instrumentId),
    getMark(lane, instrument.instrumentId),
    lastDay(row, Date.now()),
  ])
  const market = book?.market ?? newMarket
  const [bid] = bestLevels(market.bids, 1)
  const [ask] = bestLevels(market.asks, 1)
  return {
    status: 200,
    body: {
      instrument_name: row.instrument.specification.instrumentName,
      ...marketStatusOf(row, market),
      best_bid_price: bid === undefined ? null : priceOf(row, bid.ticks),
      best_bid_amount: bid === undefined ? null : amountOf(row, bid.lots),
      best_ask_price: ask === undefined ? null : priceOf(row, ask.ticks),
      best_ask_amount: ask === undefined ? null : amountOf(row, ask.lots),
      last_price: priceOrNull(row, market.lastTicks),
      last_trade_timestamp: market.lastTicks === 0 ? null : new Date(market.lastAtMillis).toISOString(),
      high_24h: day === undefined ? null : priceOf(row, day.highTicks),
      low_24h: day === undefined ? null : priceOf(row, day.lowTicks),
      change_24h: day === undefined ? null : priceOf(row, day.closeTicks - day.openTicks),
      volume_24h: amountOf(row, day?.volumeLots ?? 0),
      turnover_24h: turnoverOf(row, day?.turnoverTickLots ?? 0n),
      trades_24h: day?.trades ?? 0,
      open_interest: amountOf(row, market.openInterestLots),
      mark_iv: mark?.markIv ?? null,
      greeks: mark?.greeks ?? null,
      index_price: mark?.indexPrice ?? null,
      mark_timestamp: mark === undefined ? null : new Date(mark.atMillis).toISOString(),
      sequence: book?.outSeq ?? 0,
      timestamp: new Date(book?.updatedAtMillis ?? row.listedAtMillis).toISOString(),
    },
  }
}

/** Since the whole minute a day ago: minutes up to the next whole hour, hours from there on. */
const lastDay = async (row: InstrumentRow, nowMillis: number): Promise<Candle | undefined> => {
  const startMillis = candleStart('1m', nowMillis - dayMillis)
  const hour = Math.ceil(startMillis / hourMillis) * hourMillis
  const read = (resolution: '1m' | '1h', from: { readonly startMillis: number; readonly endMillis?: number }) =>
    listCandles(row.lane, row.instrument.instrumentId, resolution, { limit: 60, ...from })
  const [hours, minutes] = await Promise.all([
    read('1h', { startMillis: hour }),
    read('1m', { startMillis, endMillis: hour }),
  ])
  const [latest, ...before] = [...hours.rows, ...minutes.rows]
  return latest === undefined ? undefined : before.reduce((later, earlier) => joined(earlier, later), latest)
}
