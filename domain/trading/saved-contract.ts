import {
  type Adjustment,
  type ContractSpecification,
  defineInstrument,
  type Instrument,
  plainFuture,
  unadjusted,
} from '../reference/instrument.ts'
import { nothingSettled, type SettledSoFar } from './listing.ts'

type NewTerms = keyof typeof plainFuture
type SavedTerms = Omit<ContractSpecification, NewTerms> & Partial<Pick<ContractSpecification, NewTerms>>

/**
 * An instrument in a snapshot: what a plain future has no need of is left out, so that its state is told, and hashed, as
 * it was before there was any other contract.
 */
export interface SavedInstrument
  extends Pick<Instrument, 'instrumentId' | 'specificationVersion' | 'microsPerTickLot' | 'maxPriceTicks'>,
    Pick<Instrument, 'maxCommissionPpm'>,
    Partial<Adjustment> {
  readonly specification: SavedTerms
}

export type SavedPayments = Partial<SettledSoFar>

/** Those properties that are not as they are by default. */
const withoutDefaults = <Value extends object>(value: Value, defaults: Partial<Value>): Partial<Value> =>
  Object.fromEntries(
    Object.entries(value).filter(([name, held]) => held !== Reflect.get(defaults, name)),
  ) as Partial<Value>

export const savedInstrument = (instrument: Instrument): SavedInstrument => {
  const { instrumentId, specificationVersion, microsPerTickLot, maxPriceTicks, maxCommissionPpm } = instrument
  const { settledLegs, distributedTicks } = instrument
  const { settlement, positionLimit, terms, ...common } = instrument.specification
  return {
    instrumentId,
    specificationVersion,
    specification: { ...common, ...withoutDefaults({ settlement, positionLimit, terms }, plainFuture) },
    microsPerTickLot,
    maxPriceTicks,
    maxCommissionPpm,
    ...withoutDefaults({ settledLegs, distributedTicks }, unadjusted),
  }
}

export const readInstrument = (saved: SavedInstrument): Instrument => {
  const { instrumentId, specificationVersion, settledLegs = 0, distributedTicks = 0 } = saved
  const specification = { ...saved.specification, ...plainFuture, ...saved.specification }
  const adjustment = { settledLegs, distributedTicks }
  const defined = defineInstrument(specification, instrumentId, specificationVersion, adjustment)
  if (!defined.accepted) throw new Error(`the snapshot has an instrument that is none: ${defined.detail}`)
  return defined.value
}

export const savedPayments = (settled: SettledSoFar): SavedPayments => withoutDefaults(settled, nothingSettled)
