import * as z from 'zod'
import * as windows from '#adapters/tables/market-windows.ts'
import { squaredReturnDigits, windowMillis, windowsPerYear } from '#domain/trading/market-windows.ts'
import type { listMarketWindows } from '#protocol/operations/reference.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { findMarket } from './find-market.ts'
import { amountOf, priceOrNull, turnoverOf } from './market-data-view.ts'

const defaultLimit = 100

/** The beginning of the last on the page. */
const windowKey = z.int().nonnegative()

export const handle: Handle<typeof listMarketWindows> = async ({ path, query, principal }) => {
  const scope = cursorScope('list-market-windows', principal.account, query, path)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, windowKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const row = await findMarket(path.instrument_name)
  if (row === undefined) return { code: 'not-found' }
  const { resolution } = query
  const ends = [query.end === undefined ? [] : Date.parse(query.end), after ?? []].flat()
  const { rows, next } = await windows.listMarketWindows(row.lane, row.instrument.instrumentId, resolution, {
    limit: query.limit ?? defaultLimit,
    ...(query.start === undefined ? {} : { startMillis: Date.parse(query.start) }),
    ...(ends.length === 0 ? {} : { endMillis: Math.min(...ends) }),
  })
  return {
    status: 200,
    body: {
      data: rows.map(({ window }) => ({
        start: new Date(window.startMillis).toISOString(),
        end: new Date(window.startMillis + windowMillis[resolution]).toISOString(),
        state: window.state,
        version: window.version,
        trades: window.trades,
        volume: amountOf(row, window.volumeLots),
        buyer_volume: amountOf(row, window.buyerLots),
        seller_volume: amountOf(row, window.sellerLots),
        turnover: turnoverOf(row, window.turnoverTickLots),
        open: priceOrNull(row, window.openTicks),
        close: priceOrNull(row, window.closeTicks),
        realised_variance: decimalOfSquaredReturns(window.squaredReturns),
        annualised_variance: decimalOfSquaredReturns(window.squaredReturns * BigInt(windowsPerYear(resolution))),
      })),
      next_cursor: next === undefined ? null : encodeCursor(scope, Number(next)),
    },
  }
}

/** Exact: the digits after the point that squared returns are kept with, less the zeros at their end. */
const decimalOfSquaredReturns = (squaredReturns: bigint): string => {
  const digits = String(squaredReturns).padStart(squaredReturnDigits + 1, '0')
  const fraction = digits.slice(-squaredReturnDigits).replace(/0+$/, '')
  const whole = digits.slice(0, -squaredReturnDigits)
  return fraction === '' ? whole : `${whole}.${fraction}`
}
