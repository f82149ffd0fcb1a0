import { observedBy } from '../reference/contract-terms.ts'
import type { Instrument } from '../reference/instrument.ts'
import type { ContractMarket } from './contract-values.ts'
import { accepted, type Checked } from './refused.ts'
import { type RiskAsset, type RiskContract, riskAsset, riskOf } from './risk-arrays.ts'
import { type ConcentrationGroup, maxGrossMicros, type RiskEpoch, type RiskInstrument } from './risk-epoch.ts'
import {
  blocksOf,
  checkScenarioSet,
  defaultScenarioSet,
  type ScenarioSet,
  type UnderlyingRisk,
} from './scenario-set.ts'
import { capMicrosOf } from './unvalued-instrument.ts'

const { abs, ceil, floor, max, min } = Math

/** One underlying with what was set for it, and its price when the epoch was made. */
export interface EpochUnderlying extends UnderlyingRisk {
  /** USD for each unit; null where nobody knows. */
  readonly level: number | null
  /** Parts of its price for each unit of an option that may be short. */
  readonly shortOptionMinimumPpm: number
  /** USD at its price. */
  readonly concentrationThreshold: number
  readonly concentrationChargePpm: number
}

/** A listed contract with all that its risk follows from. */
export interface EpochContract {
  readonly lane: number
  readonly specificationVersion: number
  readonly contract: RiskContract
}

/** A listed collateral asset. */
export interface EpochAsset {
  readonly lane: number
  readonly specificationVersion: number
  readonly asset: RiskAsset
}

/** All that an epoch follows from. */
export interface EpochInputs {
  readonly underlyings: readonly EpochUnderlying[]
  readonly lookAheadMillis: number
  readonly contracts: readonly EpochContract[]
  readonly assets: readonly EpochAsset[]
}

export type MadeInstrument = (EpochContract | EpochAsset) & {
  readonly risk: RiskInstrument
  /** Why it is covered by its bounds instead of an array. */
  readonly boundedBecause?: string
}

/** An epoch as it is stored: what it was made of, and what it came to. */
export interface MadeEpoch extends EpochHeading {
  readonly instruments: readonly MadeInstrument[]
}

export interface EpochHeading {
  readonly version: number
  readonly madeAtMillis: number
  /** Why it was made. */
  readonly reasons: readonly string[]
  readonly scenarioSet: ScenarioSet
  readonly underlyings: readonly EpochUnderlying[]
  readonly lookAheadMillis: number
  /** One an underlying, in the set's order. */
  readonly groups: readonly ConcentrationGroup[]
}

const yearMillis = 31_536_000_000

/** What lies a millionth above a whole number is that number: the arithmetic of doubles tells no more. */
const wholeUp = (micros: number): number => max(ceil(micros - 1e-6), 0)

/** What moves a contract: the index or series that it settles on, of a structured product what it was listed on. */
export const underlyingOf = ({ terms, specification }: Instrument): string =>
  observedBy(terms) ?? specification.underlying

/** What its concentration is charged for; its position is that of its underlying in the set. */
export const concentrationGroupOf = ({
  name,
  level,
  concentrationThreshold,
  concentrationChargePpm,
}: Pick<
  EpochUnderlying,
  'name' | 'level' | 'concentrationThreshold' | 'concentrationChargePpm'
>): ConcentrationGroup => {
  // Without a price nothing of it is valued either: it is covered for whatever it settles at.
  if (level === null || !(level > 0)) return { name, thresholdUnits: 0, microsPerUnit: 0 }
  return {
    name,
    thresholdUnits: min(floor(concentrationThreshold / level), Number.MAX_SAFE_INTEGER),
    // Parts per million of dollars are micros.
    microsPerUnit: min(wholeUp(level * concentrationChargePpm), maxGrossMicros),
  }
}

/** A contract for `riskInstrument`, with its add-ons: never above what a lot can be worth. */
export const riskContractOf = (
  instrument: Instrument,
  underlying: EpochUnderlying,
  {
    markTicks,
    market,
    nowMillis,
  }: { readonly markTicks: number; readonly market?: ContractMarket; readonly nowMillis: number },
): RiskContract => {
  const { instrumentId, specification, terms, microsPerTickLot, maxPriceTicks } = instrument
  const { instrumentName, tickSize, expirationMillis } = specification
  const capMicros = capMicrosOf(instrument)
  const units = microsPerTickLot / (Number(tickSize) * 1e6)
  const shortMinimumMicros =
    terms.kind === 'option'
      ? min(wholeUp((underlying.level ?? 0) * underlying.shortOptionMinimumPpm * units), capMicros)
      : 0
  const { microsPerUnit } = concentrationGroupOf(underlying)
  const mostUnits = min(
    microsPerUnit === 0 ? Infinity : floor((capMicros - shortMinimumMicros) / microsPerUnit),
    2 * capMicros,
    2 ** 31 - 1,
  )
  return {
    instrumentId,
    instrumentName,
    terms,
    underlying: underlying.name,
    timeYears: (expirationMillis - nowMillis) / yearMillis,
    tickSize,
    microsPerTickLot,
    maxPriceTicks,
    markTicks: min(max(markTicks, 0), maxPriceTicks),
    ...(market === undefined ? {} : { market }),
    shortMinimumMicros,
    concentrationUnits: min(max(ceil(units - 1e-9), 1), mostUnits),
  }
}

/**
 * The scenarios for these underlyings, as version `version`. Where there are too many for each to be moved alone, families
 * and all together are.
 */
export const epochScenarioSet = (
  { underlyings, lookAheadMillis, contracts }: EpochInputs,
  version: number,
): Checked<ScenarioSet> => {
  const options = {
    version,
    lookAheadYears: lookAheadMillis / yearMillis,
    touchesBarriers: contracts.some(
      ({ contract: { terms } }) => terms.kind === 'option' && terms.barrier !== undefined,
    ),
  }
  const whole = defaultScenarioSet(underlyings, options)
  return whole.accepted || whole.code !== 'too-many'
    ? whole
    : defaultScenarioSet(underlyings, { ...options, movesEachAlone: false })
}

/** The same scenarios, whatever their version. */
export const isSameSet = (a: ScenarioSet, b: ScenarioSet): boolean =>
  JSON.stringify({ ...a, version: 0 }) === JSON.stringify({ ...b, version: 0 })

/** Values all instruments in all scenarios. */
export const makeEpoch = (
  inputs: EpochInputs,
  scenarioSet: ScenarioSet,
  { version, madeAtMillis, reasons }: Pick<MadeEpoch, 'version' | 'madeAtMillis' | 'reasons'>,
): Checked<MadeEpoch> => {
  const set = checkScenarioSet(scenarioSet, { underlyings: inputs.underlyings.map(({ name }) => name) })
  if (!set.accepted) return set
  const instruments: MadeInstrument[] = []
  for (const each of inputs.contracts) {
    const valued = riskOf(scenarioSet, each.contract)
    if (!valued.accepted) return valued
    const { instrument, bounded } = valued.value
    instruments.push({
      ...each,
      risk: instrument,
      ...(bounded === undefined ? {} : { boundedBecause: `${bounded.code} ${bounded.field}` }),
    })
  }
  for (const each of inputs.assets) {
    const valued = riskAsset(scenarioSet, each.asset)
    if (!valued.accepted) return valued
    instruments.push({ ...each, risk: valued.value })
  }
  return accepted({
    version,
    madeAtMillis,
    reasons,
    scenarioSet,
    underlyings: inputs.underlyings,
    lookAheadMillis: inputs.lookAheadMillis,
    groups: inputs.underlyings.map(concentrationGroupOf),
    instruments,
  })
}

/** As the margin book of a lane takes it. */
export const riskEpochOf = (made: MadeEpoch, lane: number): RiskEpoch => ({
  version: made.version,
  scenarioSetVersion: made.scenarioSet.version,
  scenarioNames: made.scenarioSet.scenarios.map(({ name }) => name),
  blocks: blocksOf(made.scenarioSet),
  groups: made.groups,
  instruments: made.instruments.flatMap(each => (each.lane === lane ? [each.risk] : [])),
})

export interface Materiality {
  /** Parts of what an instrument's scenarios reach that its mark may move by. */
  readonly movePpm: number
  readonly maxAgeMillis: number
}

/** A mark is in whole ticks: one is no move. */
const leastTicks = 2

/**
 * Why another epoch has to be made, each reason once, with what it was seen at first; none where the one in force still says
 * what there is to say.
 */
export const epochChanges = (
  before: MadeEpoch,
  inputs: EpochInputs,
  nowMillis: number,
  { movePpm, maxAgeMillis }: Materiality,
): readonly string[] => {
  const reasons = new Map<string, string>()
  const note = (reason: string, at: string): void => {
    if (!reasons.has(reason)) reasons.set(reason, at === '' ? reason : `${reason} ${at}`)
  }
  if (nowMillis - before.madeAtMillis >= maxAgeMillis) note('age', '')
  const set = epochScenarioSet(inputs, before.scenarioSet.version)
  if (!set.accepted || !isSameSet(set.value, before.scenarioSet)) note('scenario-set', '')
  if (inputs.underlyings.some(each => !isSameUnderlying(each, before))) note('parameters', '')
  const known = new Map(before.instruments.map(each => [`${each.lane}#${each.risk.instrumentId}`, each]))
  for (const each of inputs.contracts) {
    const { contract } = each
    const { instrumentId, instrumentName } = contract
    const own = known.get(`${each.lane}#${instrumentId}`)
    if (own === undefined || !('contract' in own)) note('instrument-listed', instrumentName)
    else if (own.specificationVersion !== each.specificationVersion) note('instrument-adjusted', instrumentName)
    else if (own.contract.market === undefined && contract.market !== undefined)
      note('instrument-valued', instrumentName)
    else {
      const underlying = before.underlyings.find(({ name }) => name === contract.underlying)
      if (hasMoved(own.risk, contract, underlying?.priceScan ?? 0, movePpm / 1e6)) note('mark-moved', instrumentName)
      const [was = 0, is = 0] = [own.contract.market?.volatility, contract.market?.volatility]
      if (abs(is - was) > (movePpm / 1e6) * max(underlying?.volatilityScan ?? 0, 0.01))
        note('volatility-moved', instrumentName)
    }
  }
  for (const each of inputs.assets) {
    const { instrumentId, instrumentName, unitMicros, haircutPpm } = each.asset
    const own = known.get(`${each.lane}#${instrumentId}`)
    if (own === undefined || !('asset' in own)) note('instrument-listed', instrumentName)
    else if (own.specificationVersion !== each.specificationVersion) note('instrument-adjusted', instrumentName)
    else {
      if (own.asset.haircutPpm !== haircutPpm) note('parameters', '')
      const scan = before.underlyings.find(({ name }) => name === each.asset.underlying)?.priceScan ?? 0
      if (abs(unitMicros - own.asset.unitMicros) > (movePpm / 1e6) * scan * own.asset.unitMicros)
        note('mark-moved', instrumentName)
    }
  }
  return [...reasons.values()]
}

/** But for its price. */
const isSameUnderlying = (now: EpochUnderlying, { underlyings }: MadeEpoch): boolean => {
  const was = underlyings.find(({ name }) => name === now.name)
  return was !== undefined && JSON.stringify({ ...was, level: 0 }) === JSON.stringify({ ...now, level: 0 })
}

/** What is covered by its bounds is so at any mark: its scan range stands for what its scenarios would reach. */
const hasMoved = (
  { markMicros, risk }: RiskInstrument,
  { markTicks, microsPerTickLot }: RiskContract,
  priceScan: number,
  move: number,
): boolean => {
  const reach =
    risk.kind === 'array'
      ? risk.arrayMicros.reduce((most, gain) => max(most, abs(gain)), abs(risk.restMicros))
      : priceScan * markMicros
  const moved = abs(markTicks * microsPerTickLot - markMicros)
  return moved > move * reach && moved >= leastTicks * microsPerTickLot
}
