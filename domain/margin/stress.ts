import { accepted, type Checked, refused, within } from './refused.ts'
import type { RiskInstrument } from './risk-epoch.ts'
import { checkScenarioSet, type ScenarioSet } from './scenario-set.ts'

/** A user's own joint state: underlyings that are not named stay where they are. */
export interface StressScenario {
  readonly name: string
  readonly shifts: readonly StressShift[]
}

export interface StressShift {
  readonly underlying: string
  /** As a part of its price: −0.2 is a fall by a fifth. Not below −1: no price is below zero. */
  readonly price?: number
  /** Added to volatility: 0.1 is ten points. */
  readonly volatility?: number
  /** How far the price went on its way, which is what touches a barrier; as far as `price` unless told. */
  readonly reach?: number
}

export const mostStressScenarios = 100
/** Values of contracts that one request may ask for: scenarios × contracts. */
export const mostRevaluations = 20_000
const widestShift = 10

/**
 * The scenarios over all underlyings of an epoch, each with full weight. Refused by name: `too-few` or `too-many` scenarios,
 * `unknown-underlying`, one that is named twice, a shift that is `not-finite` or `out-of-range`.
 */
export const stressSet = (
  underlyings: readonly string[],
  scenarios: readonly StressScenario[],
  lookAheadYears: number,
): Checked<ScenarioSet> => {
  if (scenarios.length === 0) return refused('too-few', 'scenarios')
  if (scenarios.length > mostStressScenarios) return refused('too-many', 'scenarios')
  const places = new Map(underlyings.map((name, index) => [name, index]))
  const shifted: ScenarioSet['scenarios'][number][] = []
  for (const [index, { name, shifts }] of scenarios.entries()) {
    const vectors = {
      priceShifts: underlyings.map(() => 0),
      volatilityShifts: underlyings.map(() => 0),
      reachShifts: underlyings.map(() => 0),
    }
    const named = new Set<string>()
    for (const [position, shift] of shifts.entries()) {
      const at = `scenarios/${index}/shifts/${position}`
      const { underlying, price = 0, volatility = 0, reach = price } = shift
      const place = places.get(underlying)
      if (place === undefined) return refused('unknown-underlying', `${at}/underlying`)
      if (named.has(underlying)) return refused('duplicate-underlying', `${at}/underlying`)
      named.add(underlying)
      const unfit =
        within(`${at}/price`, price, -1, widestShift) ??
        within(`${at}/volatility`, volatility, -widestShift, widestShift) ??
        within(`${at}/reach`, reach, -1, widestShift)
      if (unfit !== undefined) return unfit
      vectors.priceShifts[place] = price
      vectors.volatilityShifts[place] = volatility
      vectors.reachShifts[place] = reach
    }
    shifted.push({ name, weight: 1, ...vectors })
  }
  const checked = checkScenarioSet({ version: 1, underlyings, lookAheadYears, scenarios: shifted })
  return checked.accepted ? accepted(checked.value) : checked
}

/** What a position gains in each of so many scenarios; of a contract that is known by its bounds always its worse end. */
export const stressedMicros = (
  { markMicros, risk }: RiskInstrument,
  sizeLots: number,
  scenarios: number,
): readonly number[] => {
  if (risk.kind === 'array') return risk.arrayMicros.map(gain => sizeLots * gain + 0)
  const end = sizeLots < 0 ? risk.highMicros : risk.lowMicros
  return Array.from({ length: scenarios }, () => sizeLots * (end - markMicros) + 0)
}
