import { accepted, type Checked, integer, type Refused, refused, within } from './refused.ts'

/**
 * A versioned list of joint states of all underlyings: scenario s means the same everywhere. The state in which nothing
 * has moved is part of every set without being listed (see MarginBook).
 */
export interface ScenarioSet {
  readonly version: number
  /** What each vector below is over; a collateral asset is an underlying too. */
  readonly underlyings: readonly string[]
  /** How far on the state is: options are revalued with so much less time. */
  readonly lookAheadYears: number
  readonly scenarios: readonly Scenario[]
}

export interface Scenario {
  readonly name: string
  /** What part of a loss counts: 1, or less for a move beyond the scan range. */
  readonly weight: number
  /** By underlying: parts of its price level; −0.2 is a fall by a fifth. */
  readonly priceShifts: readonly number[]
  /** By underlying: added to volatility, 0.1 is ten points. */
  readonly volatilityShifts: readonly number[]
  /** By underlying, in parts of its level: how far the price went on the way, which is what touches a barrier. */
  readonly reachShifts: readonly number[]
}

/** How far one underlying is moved by default. */
export interface UnderlyingRisk {
  readonly name: string
  /** Those of a family are also moved together: GPU models, regions. */
  readonly family: string
  /** Parts of the price level. */
  readonly priceScan: number
  /** Points of volatility as a number: 0.1 is ten. */
  readonly volatilityScan: number
}

const mostUnderlyings = 256
const mostScenarios = 4_096
const widestShift = 10
const namePattern = /^[\x21-\x7e]{1,64}(?: [\x21-\x7e]{1,64})*$/

/** The 16 of SPAN (CME 1988): price in thirds of its range × volatility up and down, and two extremes. */
const spanThirds = [0, 1, -1, 2, -2, 3, -3] as const
const extremeMultiple = 2
const extremeWeight = 0.35

interface Move {
  readonly name: string
  readonly weight: number
  readonly price: number
  readonly volatility: number
  readonly reach: number
}

export const spanMoves: readonly Move[] = [
  ...spanThirds.flatMap(thirds =>
    [1, -1].map(volatility => ({
      name: `${thirds > 0 ? '+' : ''}${thirds}/3 v${volatility > 0 ? '+' : '-'}`,
      weight: 1,
      price: thirds / 3,
      volatility,
      reach: thirds / 3,
    })),
  ),
  ...[1, -1].map(side => ({
    name: side > 0 ? '+extreme' : '-extreme',
    weight: extremeWeight,
    price: side * extremeMultiple,
    volatility: 0,
    reach: side * extremeMultiple,
  })),
]

/** The price went to the end of its range and came back: barriers are touched, and nothing else has changed. */
const touchMoves: readonly Move[] = [1, -1].map(side => ({
  name: side > 0 ? '+touch' : '-touch',
  weight: 1,
  price: 0,
  volatility: 0,
  reach: side,
}))

export interface DefaultSetOptions {
  readonly version: number
  readonly lookAheadYears?: number
  /** Also scenarios that touch barriers and return; of use where barrier options are listed. */
  readonly touchesBarriers?: boolean
  /** True unless told: there may be too many of them for that. */
  readonly movesEachAlone?: boolean
}

/**
 * SPAN's 16 moves applied to all underlyings together, then to those of each family of more than one (unless it is all of
 * them), then to each alone. The scenarios of one such group follow each other.
 */
export const defaultScenarioSet = (
  underlyings: readonly UnderlyingRisk[],
  { version, lookAheadYears = 1 / 365, touchesBarriers = false, movesEachAlone = true }: DefaultSetOptions,
): Checked<ScenarioSet> => {
  for (const [index, { priceScan, volatilityScan }] of underlyings.entries()) {
    const unfit =
      within(`underlyings/${index}/priceScan`, priceScan, 0, widestShift / extremeMultiple) ??
      within(`underlyings/${index}/volatilityScan`, volatilityScan, 0, widestShift)
    if (unfit !== undefined) return unfit
  }
  const all = underlyings.map(({ name }) => name)
  const families = [...new Set(underlyings.map(({ family }) => family))]
    .map(family => ({ name: `family ${family}`, members: underlyings.filter(each => each.family === family) }))
    .filter(({ members }) => members.length > 1 && members.length < underlyings.length)
  const groups: readonly { readonly name: string; readonly members: ReadonlySet<string> }[] = [
    { name: 'all', members: new Set(all) },
    ...families.map(({ name, members }) => ({ name, members: new Set(members.map(member => member.name)) })),
    ...(all.length > 1 && movesEachAlone ? all.map(name => ({ name, members: new Set([name]) })) : []),
  ]
  const moves = touchesBarriers ? [...spanMoves, ...touchMoves] : spanMoves
  const scenarios = groups.flatMap(({ name, members }) =>
    moves.map(move => {
      const by = (amount: (risk: UnderlyingRisk) => number): readonly number[] =>
        underlyings.map(risk => (members.has(risk.name) ? amount(risk) + 0 : 0))
      return {
        name: `${name} ${move.name}`,
        weight: move.weight,
        priceShifts: by(({ priceScan }) => move.price * priceScan),
        volatilityShifts: by(({ volatilityScan }) => move.volatility * volatilityScan),
        reachShifts: by(({ priceScan }) => move.reach * priceScan),
      }
    }),
  )
  return checkScenarioSet({ version, underlyings: all, lookAheadYears, scenarios })
}

/** What the set must be for: all underlyings of what is listed, and newer than the one in force. */
export interface SetSurroundings {
  readonly underlyings?: readonly string[]
  readonly newestVersion?: number
}

/** Says by name what is wrong with a set: nothing of it is taken then. */
export const checkScenarioSet = (set: ScenarioSet, surroundings: SetSurroundings = {}): Checked<ScenarioSet> => {
  const refusal = versionRefusal(set, surroundings) ?? underlyingsRefusal(set, surroundings) ?? scenariosRefusal(set)
  return refusal ?? accepted(set)
}

const versionRefusal = ({ version, lookAheadYears }: ScenarioSet, { newestVersion = 0 }: SetSurroundings) =>
  integer('version', version, 1, Number.MAX_SAFE_INTEGER) ??
  (version > newestVersion ? undefined : refused('version-not-newer', 'version')) ??
  within('lookAheadYears', lookAheadYears, 0, 1)

const underlyingsRefusal = ({ underlyings }: ScenarioSet, surroundings: SetSurroundings): Refused | undefined => {
  if (!Array.isArray(underlyings)) return refused('malformed', 'underlyings')
  if (underlyings.length === 0) return refused('too-few', 'underlyings')
  if (underlyings.length > mostUnderlyings) return refused('too-many', 'underlyings')
  const seen = new Set<string>()
  for (const [index, name] of underlyings.entries()) {
    if (typeof name !== 'string' || !namePattern.test(name)) return refused('malformed', `underlyings/${index}`)
    if (seen.has(name)) return refused('duplicate-underlying', `underlyings/${name}`)
    seen.add(name)
  }
  const { underlyings: required } = surroundings
  if (required === undefined) return undefined
  const missing = required.find(name => !seen.has(name))
  return missing === undefined ? undefined : refused('missing-underlying', `underlyings/${missing}`)
}

const scenariosRefusal = ({ scenarios, underlyings }: ScenarioSet): Refused | undefined => {
  if (!Array.isArray(scenarios)) return refused('malformed', 'scenarios')
  if (scenarios.length === 0) return refused('too-few', 'scenarios')
  if (scenarios.length > mostScenarios) return refused('too-many', 'scenarios')
  const seen = new Set<string>()
  for (const [index, scenario] of scenarios.entries()) {
    const at = `scenarios/${index}`
    if (typeof scenario !== 'object' || scenario === null) return refused('malformed', at)
    if (typeof scenario.name !== 'string' || !namePattern.test(scenario.name)) return refused('malformed', `${at}/name`)
    if (seen.has(scenario.name)) return refused('duplicate-scenario', `${at}/name`)
    seen.add(scenario.name)
    const unfit =
      within(`${at}/weight`, scenario.weight, Number.MIN_VALUE, 1) ??
      vectorRefusal(`${at}/priceShifts`, scenario.priceShifts, underlyings) ??
      vectorRefusal(`${at}/volatilityShifts`, scenario.volatilityShifts, underlyings) ??
      vectorRefusal(`${at}/reachShifts`, scenario.reachShifts, underlyings)
    if (unfit !== undefined) return unfit
  }
  return undefined
}

const vectorRefusal = (
  field: string,
  vector: readonly number[],
  underlyings: readonly string[],
): Refused | undefined => {
  if (!Array.isArray(vector)) return refused('malformed', field)
  if (vector.length < underlyings.length) return refused('missing-underlying', `${field}/${underlyings[vector.length]}`)
  if (vector.length > underlyings.length) return refused('length-mismatch', field)
  for (const [index, shift] of vector.entries()) {
    const unfit = within(`${field}/${underlyings[index]}`, shift, -widestShift, widestShift)
    if (unfit !== undefined) return unfit
  }
  return undefined
}

/**
 * Lengths of the runs of scenarios that move the same underlyings: what an instrument is not moved by is then told by one
 * number for the whole run.
 */
export const blocksOf = ({ scenarios }: ScenarioSet): readonly number[] => {
  const lengths: number[] = []
  let previous = ''
  for (const scenario of scenarios) {
    const moved = scenario.priceShifts.map((shift, index) =>
      shift !== 0 || scenario.volatilityShifts[index] !== 0 || scenario.reachShifts[index] !== 0 ? 1 : 0,
    )
    const key = moved.join('')
    if (key === previous && lengths.length > 0) lengths[lengths.length - 1] = (lengths.at(-1) ?? 0) + 1
    else lengths.push(1)
    previous = key
  }
  return lengths
}

/** The widest move of a price, in parts of its level, whose loss counts in full: beyond it a new epoch is due. */
export const scanRangeOf = (set: ScenarioSet, underlying: string): Checked<number> => {
  const index = set.underlyings.indexOf(underlying)
  if (index < 0) return refused('unknown-underlying', underlying)
  const full = set.scenarios.filter(({ weight }) => weight === 1)
  return accepted(Math.max(0, ...full.map(({ priceShifts }) => Math.abs(priceShifts[index] ?? 0))))
}

/** Those that have moved further than their scan range since the epoch was made, in the set's order. */
export const movedBeyondScan = (
  set: ScenarioSet,
  epochLevels: ReadonlyMap<string, number>,
  levels: ReadonlyMap<string, number>,
): Checked<readonly string[]> => {
  const moved: string[] = []
  for (const name of set.underlyings) {
    const [from, to] = [epochLevels.get(name), levels.get(name)]
    if (from === undefined || to === undefined) continue
    if (!(from > 0) || !Number.isFinite(from) || !(to >= 0) || !Number.isFinite(to)) return refused('not-finite', name)
    const range = scanRangeOf(set, name)
    // A move to the very end of the range is within it, whatever the last digit of a double.
    if (range.accepted && Math.abs(to - from) > range.value * from * (1 + 1e-9)) moved.push(name)
  }
  return accepted(moved)
}
