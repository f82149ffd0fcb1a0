import type * as z from 'zod'
import type { InstrumentRow } from '#adapters/tables/instruments.ts'
import { type BookSide, bestLevels } from '#domain/trading/book-side.ts'
import type { MarketControls, TradingState } from '#domain/trading/market-controls.ts'
import { type MarketData, newMarket } from '#domain/trading/market-data.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import type { marketStatus } from '#protocol/operations/reference.ts'

export const priceOf = ({ instrument }: InstrumentRow, ticks: number): string =>
  decimal(ticks, instrument.specification.tickSize)

/** 0 ticks: there is none. */
export const priceOrNull = (row: InstrumentRow, ticks: number): string | null =>
  ticks === 0 ? null : priceOf(row, ticks)

export const amountOf = ({ instrument }: InstrumentRow, lots: number | bigint): string =>
  decimal(lots, instrument.specification.minTradeAmount)

/** Notional: what was paid for it. */
export const turnoverOf = ({ instrument }: InstrumentRow, tickLots: bigint): string =>
  decimalOfMicros(tickLots * BigInt(instrument.microsPerTickLot))

export const levelsOf = (row: InstrumentRow, side: BookSide, depth: number): [price: string, amount: string][] =>
  bestLevels(side, depth).map(({ ticks, lots }) => [priceOf(row, ticks), amountOf(row, lots)])

/** Collateral never trades; a market whose time has come takes no orders even before the command that expires it. */
export const stateOf = ({ instrument }: InstrumentRow, { state }: MarketData): TradingState =>
  instrument.terms.kind === 'collateral' ||
  (state !== 'expired' && instrument.specification.expirationMillis <= Date.now())
    ? 'closed'
    : state

/** Undefined: nothing has been projected of it yet, so it is as new as its listing. */
export const marketStatusOf = (row: InstrumentRow, market: MarketData = newMarket): z.infer<typeof marketStatus> => ({
  trading_state: stateOf(row, market),
  trading_state_until: market.untilMillis === 0 ? null : new Date(market.untilMillis).toISOString(),
  mark_price: priceOrNull(row, market.markTicks),
  controls: controlsOf(market.controls),
})

const controlsOf = (controls: MarketControls): z.infer<typeof marketStatus>['controls'] => {
  // Parts in a million are to one what micros are to a unit.
  const part = (ppm: number): string | null => (ppm === 0 ? null : decimalOfMicros(ppm))
  const millis = (given: number): number | null => (given === 0 ? null : given)
  return {
    price_band: part(controls.bandPpm),
    velocity: part(controls.velocityPpm),
    velocity_interval_ms: millis(controls.velocityMillis),
    halt_ms: millis(controls.haltMillis),
    auction_ms: millis(controls.auctionMillis),
  }
}
