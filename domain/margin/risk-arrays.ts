import { provePayoffBounds } from '../pricing/payoff-bounds.ts'
import { readPayoff } from '../pricing/payoff-tree.ts'
import type { ContractTerms } from '../reference/contract-terms.ts'
import { asItIs, type ContractMarket, contractValue, type MarketState } from './contract-values.ts'
import { accepted, type Checked, integer, type Refused, refused, within } from './refused.ts'
import { boundedInstrument, type RiskInstrument } from './risk-epoch.ts'
import type { Scenario, ScenarioSet } from './scenario-set.ts'

const { ceil, floor, max, min } = Math

/** One contract with what it is valued from, at the moment of an epoch. */
export interface RiskContract {
  readonly instrumentId: number
  readonly instrumentName: string
  readonly terms: ContractTerms
  /** Of the set's: what its scenarios move it by. */
  readonly underlying: string
  readonly timeYears: number
  /** USD for each unit, as in its specification. */
  readonly tickSize: string
  readonly microsPerTickLot: number
  readonly maxPriceTicks: number
  readonly markTicks: number
  /** Absent for a structured product. */
  readonly market?: ContractMarket
  readonly shortMinimumMicros: number
  readonly concentrationUnits: number
}

/** A collateral asset; its amounts are counted in units. */
export interface RiskAsset {
  readonly instrumentId: number
  readonly instrumentName: string
  readonly underlying: string
  /** What one unit is worth before the haircut. */
  readonly unitMicros: number
  readonly haircutPpm: number
  /** The most that one may ever count for; four times what it is worth unless told. */
  readonly capMicros?: number
}

const largestMicros = 2 ** 51

/**
 * What one lot of a long position gains in each scenario, in whole micros, from the mark. Prices are cut to what the
 * contract can trade at, so mark + gain is within [0, highest price]. Rounded away from zero: whoever loses on the contract
 * alone, long or short, is charged at least what the revaluation says, and in a netted book no more than a micro a lot is
 * given away.
 */
export const riskInstrument = (set: ScenarioSet, contract: RiskContract): Checked<RiskInstrument> => {
  const { instrumentId, instrumentName, microsPerTickLot, maxPriceTicks, markTicks } = contract
  const group = set.underlyings.indexOf(contract.underlying)
  const tick = Number(contract.tickSize)
  const refusal =
    integer(`${instrumentName}/instrumentId`, instrumentId, 1, 2 ** 31 - 1) ??
    (group < 0 ? refused('unknown-underlying', `${instrumentName}/${contract.underlying}`) : undefined) ??
    within(`${instrumentName}/tickSize`, tick, 1e-12, 1e12) ??
    integer(`${instrumentName}/microsPerTickLot`, microsPerTickLot, 1, 2 ** 31 - 1) ??
    integer(`${instrumentName}/maxPriceTicks`, maxPriceTicks, 1, 2 ** 31 - 1) ??
    integer(`${instrumentName}/capMicros`, maxPriceTicks * microsPerTickLot, 1, largestMicros) ??
    integer(`${instrumentName}/markTicks`, markTicks, 0, maxPriceTicks)
  if (refusal !== undefined) return refusal
  const markMicros = markTicks * microsPerTickLot
  const capMicros = maxPriceTicks * microsPerTickLot
  const common = {
    instrumentId,
    instrumentName,
    markMicros,
    capMicros,
    microsPerTick: microsPerTickLot,
    group,
    concentrationUnits: contract.concentrationUnits,
    shortMinimumMicros: contract.shortMinimumMicros,
    deltaMicroUnits: 0,
    vegaMicros: 0,
  }
  if (contract.terms.kind === 'structured_product')
    return boundsOf(contract.terms.payoff, contract, tick, risk => ({ ...common, risk }))
  const { market } = contract
  if (market === undefined) return refused('unpriceable', `${instrumentName}/market`)
  const now = contractValue(contract.terms, contract.timeYears, market, asItIs)
  if (!now.priced) return refused('unpriceable', `${instrumentName}/now/${now.code}/${now.field}`)
  const perUnit = microsPerTickLot / tick
  const gainIn = (state: MarketState, weight: number): number | undefined => {
    const then = contractValue(contract.terms, contract.timeYears, market, state)
    if (!then.priced) return undefined
    const gain = min(max((then.value - now.value) * perUnit, -markMicros), capMicros - markMicros)
    return awayFromZero(weight * gain)
  }
  const rest = gainIn({ ...asItIs, yearsPassed: set.lookAheadYears }, 1)
  if (rest === undefined) return refused('unpriceable', `${instrumentName}/rest`)
  const arrayMicros: number[] = []
  for (const scenario of set.scenarios) {
    const state = stateOf(scenario, group, set.lookAheadYears)
    const gain = isMoved(state) ? gainIn(state, scenario.weight) : rest
    if (gain === undefined) return refused('unpriceable', `${instrumentName}/${scenario.name}`)
    arrayMicros.push(gain)
  }
  const sensitivities = sensitivitiesOf(contract, market, perUnit)
  return accepted({ ...common, ...sensitivities, risk: { kind: 'array', restMicros: rest, arrayMicros } })
}

/** A thousandth of the price, and half a point of volatility, either way. */
const priceBump = 1e-3
const volatilityBump = 5e-3

/**
 * What a long lot gains when its underlying gains one unit of its price, in millionths (so micro-units of the underlying:
 * a future on ten GPU-hours has 10,000,000), and in micros when volatility gains a point. Central differences of the same
 * values as the arrays; 0 where one of them has no price, and of structured products, which have none.
 */
const sensitivitiesOf = (
  { terms, timeYears }: RiskContract,
  market: ContractMarket,
  perUnit: number,
): Pick<RiskInstrument, 'deltaMicroUnits' | 'vegaMicros'> => {
  const at = (state: Partial<MarketState>): number => {
    const value = contractValue(terms, timeYears, market, { ...asItIs, ...state })
    return value.priced ? value.value : Number.NaN
  }
  const byPrice = (at({ priceShift: priceBump }) - at({ priceShift: -priceBump })) / (2 * priceBump * market.level)
  const byPoint = at({ volatilityShift: volatilityBump }) - at({ volatilityShift: -volatilityBump })
  return { deltaMicroUnits: wholeOf(byPrice * perUnit), vegaMicros: wholeOf(byPoint * perUnit) }
}

/** + 0: no negative zero leaves here. */
const wholeOf = (value: number): number =>
  Number.isFinite(value) ? min(max(Math.round(value), -largestMicros), largestMicros) + 0 : 0

const stateOf = (scenario: Scenario, underlying: number, lookAheadYears: number): MarketState => ({
  priceShift: scenario.priceShifts[underlying] ?? 0,
  volatilityShift: scenario.volatilityShifts[underlying] ?? 0,
  reachShift: scenario.reachShifts[underlying] ?? 0,
  yearsPassed: lookAheadYears,
})

/** A scenario's weight is for how far it goes: an underlying that it leaves alone only ages. */
const isMoved = ({ priceShift, volatilityShift, reachShift }: MarketState): boolean =>
  priceShift !== 0 || volatilityShift !== 0 || reachShift !== 0

/** What lies within a millionth of a micro of a whole number is that number: the arithmetic of doubles tells no more. */
const noise = 1e-6
/** + 0: no negative zero leaves here. */
const awayFromZero = (gain: number): number => (gain < 0 ? floor(gain + noise) : ceil(gain - noise)) + 0

/** All that a structured product can pay, proved over its payoff tree, within the prices that it may have. */
const boundsOf = (
  payoff: unknown,
  { instrumentName, microsPerTickLot, maxPriceTicks, markTicks }: RiskContract,
  tick: number,
  make: (risk: RiskInstrument['risk']) => RiskInstrument,
): Checked<RiskInstrument> => {
  const tree = readPayoff(payoff)
  if (!tree.priced) return refused('unpriceable', `${instrumentName}/${tree.code}/${tree.field}`)
  const proved = provePayoffBounds(tree.value)
  if (!proved.priced) return refused('unpriceable', `${instrumentName}/${proved.code}/${proved.field}`)
  // Never narrower than the mark: a mark outside of the proof is the market's mistake, and is covered too.
  const low = min(max(floor(proved.value.lowest / tick), 0), markTicks)
  const high = max(min(ceil(proved.value.highest / tick), maxPriceTicks), markTicks)
  return accepted(make({ kind: 'bounds', lowMicros: low * microsPerTickLot, highMicros: high * microsPerTickLot }))
}

/**
 * Collateral, moved by the same scenarios as what it secures: the mark is what a unit counts for after its haircut, the
 * array what is lost or gained of that. Only ever held long, so both are rounded down.
 */
export const riskAsset = (set: ScenarioSet, asset: RiskAsset): Checked<RiskInstrument> => {
  const { instrumentId, instrumentName, unitMicros, haircutPpm } = asset
  const group = set.underlyings.indexOf(asset.underlying)
  const refusal =
    integer(`${instrumentName}/instrumentId`, instrumentId, 1, 2 ** 31 - 1) ??
    (group < 0 ? refused('unknown-underlying', `${instrumentName}/${asset.underlying}`) : undefined) ??
    integer(`${instrumentName}/unitMicros`, unitMicros, 1, largestMicros / widestGain) ??
    integer(`${instrumentName}/haircutPpm`, haircutPpm, 0, million)
  if (refusal !== undefined) return refusal
  const kept = BigInt(million - haircutPpm)
  const capMicros = asset.capMicros ?? unitMicros * widestGain
  const markMicros = min(Number((BigInt(unitMicros) * kept) / BigInt(million)), capMicros)
  const arrayMicros = set.scenarios.map(scenario => {
    const { priceShift } = stateOf(scenario, group, 0)
    const gain = scenario.weight * max(priceShift, -1) * markMicros
    return min(floor(gain + noise), capMicros - markMicros) + 0
  })
  return accepted({
    instrumentId,
    instrumentName,
    markMicros,
    capMicros,
    microsPerTick: 0,
    group,
    concentrationUnits: 0,
    shortMinimumMicros: 0,
    deltaMicroUnits: 0,
    vegaMicros: 0,
    risk: { kind: 'array', restMicros: 0, arrayMicros },
  })
}

const million = 1_000_000
/** An asset's price has no cap; what it may gain in a scenario has this one, in multiples of it. */
const widestGain = 4

export interface RiskTable {
  readonly instruments: readonly RiskInstrument[]
  /** Those that could not be valued and are fully covered instead, each with the reason. */
  readonly bounded: readonly Refused[]
}

/** One of them, and why it could not be valued and is fully covered instead. */
export interface CoveredInstrument {
  readonly instrument: RiskInstrument
  readonly bounded?: Refused
}

/** One that has no value is covered by its bounds, so that one bad quote does not hold up an epoch. */
export const riskOf = (set: ScenarioSet, contract: RiskContract): Checked<CoveredInstrument> => {
  const group = set.underlyings.indexOf(contract.underlying)
  // All that it could pay was distributed: it has no price any more.
  if (contract.maxPriceTicks === 0) {
    const worthless = boundedInstrument({ ...contract, maxPriceTicks: 1, markTicks: 0, group })
    return accepted({ instrument: { ...worthless, risk: { kind: 'bounds', lowMicros: 0, highMicros: 0 } } })
  }
  const valued = riskInstrument(set, contract)
  if (valued.accepted) return accepted({ instrument: valued.value })
  if (valued.code !== 'unpriceable') return valued
  return accepted({ instrument: boundedInstrument({ ...contract, group }), bounded: valued })
}

/** All of them; one that has no value is covered by its bounds, so that one bad quote does not hold up an epoch. */
export const riskTable = (
  set: ScenarioSet,
  contracts: readonly RiskContract[],
  assets: readonly RiskAsset[],
): Checked<RiskTable> => {
  const instruments: RiskInstrument[] = []
  const bounded: Refused[] = []
  for (const contract of contracts) {
    const valued = riskOf(set, contract)
    if (!valued.accepted) return valued
    instruments.push(valued.value.instrument)
    if (valued.value.bounded !== undefined) bounded.push(valued.value.bounded)
  }
  for (const asset of assets) {
    const valued = riskAsset(set, asset)
    if (!valued.accepted) return valued
    instruments.push(valued.value)
  }
  return accepted({ instruments, bounded })
}
