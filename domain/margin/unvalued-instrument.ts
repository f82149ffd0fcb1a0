import type { Instrument } from '../reference/instrument.ts'
import { boundedInstrument, maxGrossMicros, type RiskInstrument } from './risk-epoch.ts'

/** One that has distributed all that it could pay has no price any more; a tick is then what a lot counts for. */
export const capMicrosOf = ({ maxPriceTicks, microsPerTickLot }: Instrument): number =>
  Math.max(1, maxPriceTicks) * microsPerTickLot

/** Where one lot alone is too large for any account, nobody can have an order or a position. */
export const isCountable = (instrument: Instrument): boolean => capMicrosOf(instrument) <= maxGrossMicros

/**
 * Covered for whatever it settles at, until an epoch values it. Its mark is 0, so that it follows from the instrument alone:
 * whoever reads the tables comes to the same equity and requirement as the engine, and the difference of both is the same at
 * any mark.
 */
export const unvaluedInstrument = (instrument: Instrument): RiskInstrument => {
  const { instrumentId, microsPerTickLot, maxPriceTicks } = instrument
  const { instrumentName } = instrument.specification
  const nothing = { shortMinimumMicros: 0, group: 0, concentrationUnits: 0 }
  const common = { instrumentId, instrumentName, microsPerTickLot, markTicks: 0, ...nothing }
  if (maxPriceTicks > 0) return boundedInstrument({ ...common, maxPriceTicks })
  const worthless = boundedInstrument({ ...common, maxPriceTicks: 1 })
  return { ...worthless, risk: { kind: 'bounds', lowMicros: 0, highMicros: 0 } }
}
