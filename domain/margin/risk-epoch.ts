import { accepted, type Checked, integer, type Refused, refused } from './refused.ts'

/** Everything that margin needs to know of one instrument in one epoch, in whole micros for each lot. */
export interface RiskInstrument {
  readonly instrumentId: number
  readonly instrumentName: string
  /** What a lot is worth now. */
  readonly markMicros: number
  /** What a lot is worth at the highest price. */
  readonly capMicros: number
  /** One tick of a lot; 0 for a collateral asset, which has no orders. */
  readonly microsPerTick: number
  /** Position in the epoch's groups. */
  readonly group: number
  /** What a lot counts for in its group's concentration. */
  readonly concentrationUnits: number
  /** For each lot that may be short: 0 but for options. */
  readonly shortMinimumMicros: number
  /** Of a long lot, by the price of its underlying, in millionths of its unit: limits are counted in it. 0: not valued. */
  readonly deltaMicroUnits: number
  /** Of a long lot: USD micros for a point of volatility. */
  readonly vegaMicros: number
  readonly risk: ArrayRisk | BoundsRisk
}

export interface ArrayRisk {
  readonly kind: 'array'
  /** What a long lot gains in scenarios that do not move its underlying: the passage of time. */
  readonly restMicros: number
  /** What it gains in each scenario. */
  readonly arrayMicros: readonly number[]
}

/** Nothing is known but between what the contract settles: netted with nothing, both ends covered. */
export interface BoundsRisk {
  readonly kind: 'bounds'
  readonly lowMicros: number
  readonly highMicros: number
}

/** Beyond `thresholdUnits` of what is or may be open on one side in a group, so much for each unit. */
export interface ConcentrationGroup {
  readonly name: string
  readonly thresholdUnits: number
  readonly microsPerUnit: number
}

/** What is known of an instrument without valuing it. */
export interface UnvaluedInstrument {
  readonly instrumentId: number
  readonly instrumentName: string
  readonly microsPerTickLot: number
  readonly maxPriceTicks: number
  readonly markTicks: number
  readonly shortMinimumMicros: number
  readonly group: number
  readonly concentrationUnits: number
}

/** An instrument that nobody can value: whatever it settles at between nothing and its highest price is covered. */
export const boundedInstrument = (contract: UnvaluedInstrument): RiskInstrument => {
  const capMicros = contract.maxPriceTicks * contract.microsPerTickLot
  return {
    instrumentId: contract.instrumentId,
    instrumentName: contract.instrumentName,
    markMicros: contract.markTicks * contract.microsPerTickLot,
    capMicros,
    microsPerTick: contract.microsPerTickLot,
    group: contract.group,
    concentrationUnits: contract.concentrationUnits,
    shortMinimumMicros: contract.shortMinimumMicros,
    deltaMicroUnits: 0,
    vegaMicros: 0,
    risk: { kind: 'bounds', lowMicros: 0, highMicros: capMicros },
  }
}

export interface RiskEpoch {
  readonly version: number
  readonly scenarioSetVersion: number
  /** Names of the scenarios, for what is told to people. */
  readonly scenarioNames: readonly string[]
  /** Lengths of the runs of scenarios that move the same underlyings; they sum to the number of scenarios. */
  readonly blocks: readonly number[]
  readonly groups: readonly ConcentrationGroup[]
  readonly instruments: readonly RiskInstrument[]
}

/**
 * The gross of one account, all that it holds and may come to hold at the highest prices: 2^51. As no array exceeds the
 * highest price and the add-ons of a lot together do not either, every sum that margin forms is below 2^53.
 */
export const maxGrossMicros = 2_251_799_813_685_248

const mostInstruments = 20_000
const mostUnits = 2 ** 31 - 1

export interface EpochSurroundings {
  readonly newestVersion?: number
  readonly scenarioSetVersion?: number
  /** Every one of them must be in it. */
  readonly listedInstruments?: readonly number[]
}

/** Checks an epoch as a whole: every bound on which the exactness of the sums rests. Nothing of it is taken if it fails. */
export const checkEpoch = (epoch: RiskEpoch, surroundings: EpochSurroundings = {}): Checked<RiskEpoch> => {
  const refusal = headRefusal(epoch, surroundings) ?? instrumentsRefusal(epoch, surroundings)
  return refusal ?? accepted(epoch)
}

export type EpochHead = Omit<RiskEpoch, 'instruments'>

const headRefusal = (head: EpochHead, surroundings: EpochSurroundings): Refused | undefined => {
  const { version, scenarioSetVersion, scenarioNames, blocks, groups } = head
  const refusal =
    integer('version', version, 1, Number.MAX_SAFE_INTEGER) ??
    (version > (surroundings.newestVersion ?? 0) ? undefined : refused('version-not-newer', 'version')) ??
    integer('scenarioSetVersion', scenarioSetVersion, 1, Number.MAX_SAFE_INTEGER) ??
    (surroundings.scenarioSetVersion === undefined || surroundings.scenarioSetVersion === scenarioSetVersion
      ? undefined
      : refused('unknown-scenario-set', 'scenarioSetVersion'))
  if (refusal !== undefined) return refusal
  if (blocks.length === 0) return refused('too-few', 'blocks')
  let sum = 0
  for (const [index, length] of blocks.entries()) {
    const unfit = integer(`blocks/${index}`, length, 1, 4_096)
    if (unfit !== undefined) return unfit
    sum += length
  }
  if (sum > 4_096) return refused('too-many', 'blocks')
  if (scenarioNames.length !== sum) return refused('length-mismatch', 'scenarioNames')
  if (groups.length === 0) return refused('too-few', 'groups')
  if (groups.length > 1_024) return refused('too-many', 'groups')
  for (const { name, thresholdUnits, microsPerUnit } of groups) {
    const unfit =
      integer(`groups/${name}/thresholdUnits`, thresholdUnits, 0, Number.MAX_SAFE_INTEGER) ??
      integer(`groups/${name}/microsPerUnit`, microsPerUnit, 0, maxGrossMicros)
    if (unfit !== undefined) return unfit
  }
  return undefined
}

const instrumentsRefusal = (epoch: RiskEpoch, { listedInstruments = [] }: EpochSurroundings): Refused | undefined => {
  if (epoch.instruments.length > mostInstruments) return refused('too-many', 'instruments')
  const seen = new Set<number>()
  for (const instrument of epoch.instruments) {
    const unfit = instrumentRefusal(instrument, epoch)
    if (unfit !== undefined) return unfit
    if (seen.has(instrument.instrumentId))
      return refused('duplicate-instrument', `instruments/${instrument.instrumentId}`)
    seen.add(instrument.instrumentId)
  }
  const missing = listedInstruments.find(instrumentId => !seen.has(instrumentId))
  return missing === undefined ? undefined : refused('missing-instrument', `instruments/${missing}`)
}

/** Also what is revised or listed between two epochs. */
export const instrumentRefusal = (
  instrument: RiskInstrument,
  { groups, scenarioNames }: EpochHead,
): Refused | undefined => {
  const { instrumentId, markMicros, capMicros, microsPerTick, group, risk } = instrument
  const at = `instruments/${instrumentId}`
  const refusal =
    integer(`${at}/instrumentId`, instrumentId, 1, 2 ** 31 - 1) ??
    integer(`${at}/capMicros`, capMicros, 1, maxGrossMicros) ??
    integer(`${at}/markMicros`, markMicros, 0, capMicros) ??
    integer(`${at}/microsPerTick`, microsPerTick, 0, capMicros) ??
    integer(`${at}/group`, group, 0, groups.length - 1) ??
    integer(`${at}/concentrationUnits`, instrument.concentrationUnits, 0, mostUnits) ??
    integer(`${at}/shortMinimumMicros`, instrument.shortMinimumMicros, 0, capMicros) ??
    integer(`${at}/deltaMicroUnits`, instrument.deltaMicroUnits, -maxGrossMicros, maxGrossMicros) ??
    integer(`${at}/vegaMicros`, instrument.vegaMicros, -maxGrossMicros, maxGrossMicros)
  if (refusal !== undefined) return refusal
  // The largest position at `maxGrossMicros` then cannot need more than that for both.
  const perUnit = groups[group]?.microsPerUnit ?? 0
  if (instrument.shortMinimumMicros + instrument.concentrationUnits * perUnit > capMicros)
    return refused('out-of-range', `${at}/concentrationUnits`)
  // … and all units of an account are below 2^53.
  if (instrument.concentrationUnits > 2 * capMicros) return refused('out-of-range', `${at}/concentrationUnits`)
  if (risk.kind === 'bounds')
    return (
      integer(`${at}/lowMicros`, risk.lowMicros, 0, markMicros) ??
      integer(`${at}/highMicros`, risk.highMicros, markMicros, capMicros)
    )
  if (risk.arrayMicros.length !== scenarioNames.length) return refused('length-mismatch', `${at}/arrayMicros`)
  const rest = integer(`${at}/restMicros`, risk.restMicros, -markMicros, capMicros - markMicros)
  if (rest !== undefined) return rest
  for (const [scenario, gain] of risk.arrayMicros.entries()) {
    const unfit = integer(`${at}/arrayMicros/${scenario}`, gain, -markMicros, capMicros - markMicros)
    if (unfit !== undefined) return unfit
  }
  return undefined
}

/** A chunk of an epoch on its way down the stream. */
export interface EpochChunk {
  readonly version: number
  /** From 0 on, in order. */
  readonly number: number
  readonly instruments: readonly RiskInstrument[]
}

/**
 * An epoch arrives as begin, chunks, commit, so that no command grows with the number of instruments. Until the commit it
 * is nobody's; a new begin drops what came before; a refused chunk leaves what was taken before it.
 */
export class EpochIntake {
  private head: EpochHead | undefined
  private chunks = 0
  private instruments: RiskInstrument[] = []

  begin(head: EpochHead, surroundings: EpochSurroundings): Refused | undefined {
    const refusal = headRefusal(head, surroundings)
    if (refusal !== undefined) return refusal
    this.drop()
    this.head = head
    return undefined
  }

  chunk({ version, number, instruments }: EpochChunk): Refused | undefined {
    const { head } = this
    if (head === undefined || head.version !== version) return refused('epoch-not-begun', 'version')
    if (number !== this.chunks) return refused('chunk-out-of-order', 'number')
    if (this.instruments.length + instruments.length > mostInstruments) return refused('too-many', 'instruments')
    for (const instrument of instruments) {
      const unfit = instrumentRefusal(instrument, head)
      if (unfit !== undefined) return unfit
    }
    this.chunks += 1
    for (const instrument of instruments) this.instruments.push(instrument)
    return undefined
  }

  /** The whole epoch, once; after a refusal more chunks may follow. */
  commit(version: number, chunks: number, surroundings: EpochSurroundings): Checked<RiskEpoch> {
    const { head } = this
    if (head === undefined || head.version !== version) return refused('epoch-not-begun', 'version')
    if (this.chunks !== chunks) return refused('epoch-incomplete', 'chunks')
    const checked = checkEpoch({ ...head, instruments: this.instruments }, surroundings)
    if (checked.accepted) this.drop()
    return checked
  }

  private drop(): void {
    this.head = undefined
    this.chunks = 0
    this.instruments = []
  }

  /** Of the one on its way. */
  get version(): number | undefined {
    return this.head?.version
  }
  /** What has arrived so far. */
  get taken(): readonly RiskInstrument[] {
    return this.instruments
  }

  /** A copy: a snapshot is written while more chunks arrive. */
  capture(): EpochIntakeState {
    return { head: this.head ?? null, chunks: this.chunks, instruments: [...this.instruments] }
  }

  static restore({ head, chunks, instruments }: EpochIntakeState): EpochIntake {
    const intake = new EpochIntake()
    intake.head = head ?? undefined
    intake.chunks = chunks
    intake.instruments = [...instruments]
    return intake
  }
}

export interface EpochIntakeState {
  readonly head: EpochHead | null
  readonly chunks: number
  readonly instruments: readonly RiskInstrument[]
}
