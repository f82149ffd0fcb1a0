import { getBook } from '#adapters/tables/books.ts'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { marketWindowsFrom } from '#adapters/tables/market-windows.ts'
import { type BookSide, bestLevels, mostLevelsKept } from '#domain/trading/book-side.ts'
import { squaredReturnDigits, windowMillis, windowsPerYear } from '#domain/trading/market-windows.ts'

const million = 1_000_000

/**
 * Realised volatility of a year, in millionths: the root of what the minutes' squared log returns of so many minutes make of
 * a year of 365 days. Minutes without a trade have moved nothing; 0 where nothing traded.
 */
export const realisedVolatilityPpm = async (
  { lane, instrument }: InstrumentRow,
  minutes: number,
  nowMillis: number,
): Promise<number> => {
  const from = (Math.floor(nowMillis / windowMillis['1m']) - minutes) * windowMillis['1m']
  const rows = await marketWindowsFrom(lane, instrument.instrumentId, '1m', from)
  const squared = rows.reduce((sum, { window }) => sum + window.squaredReturns, 0n)
  const perYear = (Number(squared) / 10 ** squaredReturnDigits / minutes) * windowsPerYear('1m')
  return Math.round(Math.sqrt(perYear) * million)
}

/** Lots of both sides within a part of each side's best price. */
export const depthLots = async ({ lane, instrument }: InstrumentRow, depthPpm: number): Promise<number> => {
  const book = await getBook(lane, instrument.instrumentId)
  if (book === undefined) return 0
  const { bids, asks } = book.market
  return lotsNear(bids, depthPpm) + lotsNear(asks, depthPpm)
}

const lotsNear = (side: BookSide, depthPpm: number): number => {
  const levels = bestLevels(side, mostLevelsKept)
  const best = levels[0]?.ticks ?? 0
  const near = levels.filter(({ ticks }) => Math.abs(ticks - best) * million <= best * depthPpm)
  return near.reduce((sum, { lots }) => sum + lots, 0)
}
