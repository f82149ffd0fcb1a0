import type * as z from 'zod'
import { listSurface, type SurfaceRow } from '#adapters/tables/surfaces.ts'
import { sliceVolatility } from '#domain/pricing/surface.ts'
import type { getVolatilitySurface, volatilitySurface } from '#protocol/operations/pricing.ts'
import type { Handle } from '../shell/http.ts'
import { decimalTextOf } from './decimal-text.ts'
import { sliceOf } from './market-facts.ts'

export const handle: Handle<typeof getVolatilitySurface> = async ({ path: { underlying } }) => {
  const rows = await listSurface(underlying, Date.now())
  return rows.length === 0
    ? { code: 'not-found', detail: `No options of ${underlying} have been marked.` }
    : { status: 200, body: { underlying, slices: rows.map(viewOf) } }
}

type Slice = z.infer<typeof volatilitySurface>['slices'][number]

const points = (volatility: number): string => decimalTextOf(volatility * 100, 4)

const viewOf = (row: SurfaceRow): Slice => {
  const slice = sliceOf(row)
  const market = new Map(row.market.map(({ strike, volatility }) => [strike, volatility]))
  const strikes = [...new Set([...row.strikes, ...market.keys()])].sort((a, b) => a - b)
  return {
    expiration_timestamp: new Date(row.expirationMillis).toISOString(),
    underlying_instrument: row.underlyingInstrument ?? null,
    forward: decimalTextOf(row.forward, 8),
    at_the_money_iv: points(sliceVolatility(slice, row.forward)),
    model: 'SSVI',
    theta: row.theta,
    rho: row.rho,
    phi: row.phi,
    time_years: row.timeYears,
    quotes: row.market.length,
    fit_error: points(row.fitError),
    points: strikes.map(strike => {
      const quoted = market.get(strike)
      return {
        strike: decimalTextOf(strike, 6),
        iv: points(sliceVolatility(slice, strike)),
        market_iv: quoted === undefined ? null : points(quoted),
      }
    }),
    flags: [...row.flags],
    timestamp: new Date(row.atMillis).toISOString(),
  }
}
