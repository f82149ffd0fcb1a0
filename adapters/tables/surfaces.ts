import { tables } from '#protocol/tables.ts'
import { type Item, integer, itemsOf, listOf, optional, text } from '../items.ts'
import { page } from '../pages.ts'
import { store } from '../writes.ts'

/** The volatilities of one expiration as they were marked by last. Numbers are floating: they travel as text. */
export interface SurfaceRow {
  readonly underlying: string
  readonly expirationMillis: number
  /** The future whose mark the forward is. */
  readonly underlyingInstrument?: string
  readonly forward: number
  readonly timeYears: number
  readonly theta: number
  readonly rho: number
  readonly phi: number
  /** When it was last fitted to quotes; absent where it never was. */
  readonly fittedAtMillis?: number
  readonly market: readonly { readonly strike: number; readonly volatility: number }[]
  readonly strikes: readonly number[]
  readonly fitError: number
  readonly flags: readonly string[]
  readonly atMillis: number
}

const table = tables.surfaces
const rowsOfRead = 100

/** All of an underlying that expire at an instant or later, nearest first. */
export const listSurface = async (underlying: string, fromMillis: number): Promise<readonly SurfaceRow[]> => {
  const found: SurfaceRow[] = []
  for (;;) {
    const after = found.at(-1)?.expirationMillis
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'underlying', value: underlying },
        sortKeyName: 'expiration_millis',
        between: [after === undefined ? fromMillis : after + 1, Number.MAX_SAFE_INTEGER],
        limit: rowsOfRead,
      },
      rowOf,
    )
    found.push(...rows)
    if (next === undefined) return found
  }
}

export const putSlice = async (row: SurfaceRow): Promise<void> => {
  await store({
    kind: 'put',
    table,
    item: {
      underlying: row.underlying,
      expiration_millis: row.expirationMillis,
      underlying_instrument: row.underlyingInstrument,
      forward: String(row.forward),
      time_years: String(row.timeYears),
      theta: String(row.theta),
      rho: String(row.rho),
      phi: String(row.phi),
      fitted_at_millis: row.fittedAtMillis,
      market: row.market.map(({ strike, volatility }) => ({ strike: String(strike), volatility: String(volatility) })),
      strikes: row.strikes.map(String),
      fit_error: String(row.fitError),
      flags: row.flags,
      at_millis: row.atMillis,
    },
  })
}

const rowOf = (item: Item): SurfaceRow => ({
  underlying: text(item, 'underlying'),
  expirationMillis: integer(item, 'expiration_millis'),
  ...optional('underlyingInstrument', item, 'underlying_instrument', text),
  forward: number(item, 'forward'),
  timeYears: number(item, 'time_years'),
  theta: number(item, 'theta'),
  rho: number(item, 'rho'),
  phi: number(item, 'phi'),
  ...optional('fittedAtMillis', item, 'fitted_at_millis', integer),
  market: itemsOf(item, 'market').map(each => ({
    strike: number(each, 'strike'),
    volatility: number(each, 'volatility'),
  })),
  strikes: listOf(item, 'strikes').map(Number),
  fitError: number(item, 'fit_error'),
  flags: listOf(item, 'flags').map(String),
  atMillis: integer(item, 'at_millis'),
})

const number = (item: Item, name: string): number => Number(text(item, name))
