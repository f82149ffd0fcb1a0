import * as z from 'zod'
import * as candles from '#adapters/tables/candles.ts'
import type { listCandles } from '#protocol/operations/reference.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { findMarket } from './find-market.ts'
import { amountOf, priceOf, turnoverOf } from './market-data-view.ts'

const defaultLimit = 100

/** The beginning of the last on the page, or of one after it that is empty. */
const candleKey = z.int().nonnegative()

export const handle: Handle<typeof listCandles> = async ({ path, query, principal }) => {
  const scope = cursorScope('list-candles', principal.account, query, path)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, candleKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const row = await findMarket(path.instrument_name)
  if (row === undefined) return { code: 'not-found' }
  const ends = [query.end === undefined ? [] : Date.parse(query.end), after ?? []].flat()
  const { rows, next } = await candles.listCandles(row.lane, row.instrument.instrumentId, query.resolution, {
    limit: query.limit ?? defaultLimit,
    ...(query.start === undefined ? {} : { startMillis: Date.parse(query.start) }),
    ...(ends.length === 0 ? {} : { endMillis: Math.min(...ends) }),
  })
  return {
    status: 200,
    body: {
      data: rows.map(candle => ({
        start: new Date(candle.startMillis).toISOString(),
        open: priceOf(row, candle.openTicks),
        high: priceOf(row, candle.highTicks),
        low: priceOf(row, candle.lowTicks),
        close: priceOf(row, candle.closeTicks),
        volume: amountOf(row, candle.volumeLots),
        turnover: turnoverOf(row, candle.turnoverTickLots),
        trades: candle.trades,
      })),
      next_cursor: next === undefined ? null : encodeCursor(scope, Number(next)),
    },
  }
}
