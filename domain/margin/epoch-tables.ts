import type { RiskEpoch, RiskInstrument } from './risk-epoch.ts'

const { max, min } = Math

/** The kinds of `kinds`. */
export const unlisted = 0
export const byArray = 1
export const byBounds = 2

/** A row of the margin book begins with so many single sums. */
export const headLength = 16

/** An epoch as the margin book reads it: typed arrays by instrument id, and where things are in a row. */
export class EpochTables {
  readonly scenarios: number
  readonly blockCount: number
  readonly blockStarts: Int32Array
  readonly thresholds: Float64Array
  readonly rates: Float64Array

  /** Of a row: each block's least sum, what is inside of it, the groups' units, the sums by scenario; its length. */
  readonly leastAt = headLength
  readonly insideAt: number
  readonly groupsAt: number
  readonly sumsAt: number
  readonly stride: number

  readonly kinds: Uint8Array
  readonly marks: Float64Array
  readonly caps: Float64Array
  readonly ticks: Float64Array
  readonly rests: Float64Array
  readonly shortMinimums: Float64Array
  readonly units: Float64Array
  readonly groups: Int32Array
  readonly deltas: Float64Array
  readonly vegas: Float64Array
  /** Over all scenarios and the state in which nothing moves; of an instrument known by its bounds, its two ends. */
  readonly leastGains: Float64Array
  readonly mostGains: Float64Array
  /** Where its blocks begin in `runs`: first those that move it, so many, then all others. */
  readonly runsAt: Int32Array
  readonly runCounts: Int32Array
  /** Pairs: a block, and where its gains begin in `gains`. */
  readonly runs: Int32Array
  readonly gains: Float64Array

  constructor({ blocks, groups }: RiskEpoch, instruments: readonly RiskInstrument[]) {
    this.blockCount = blocks.length
    this.blockStarts = new Int32Array(blocks.length + 1)
    for (const [block, length] of blocks.entries())
      this.blockStarts[block + 1] = (this.blockStarts[block] as number) + length
    this.scenarios = this.blockStarts[blocks.length] as number
    this.thresholds = Float64Array.from(groups, ({ thresholdUnits }) => thresholdUnits)
    this.rates = Float64Array.from(groups, ({ microsPerUnit }) => microsPerUnit)
    this.insideAt = this.leastAt + this.blockCount
    this.groupsAt = this.insideAt + this.blockCount
    this.sumsAt = this.groupsAt + groups.length
    this.stride = (this.sumsAt + this.scenarios + 7) & ~7

    let length = 16
    for (const { instrumentId } of instruments) length = max(length, instrumentId + 1)
    this.kinds = new Uint8Array(length)
    this.marks = new Float64Array(length)
    this.caps = new Float64Array(length)
    this.ticks = new Float64Array(length)
    this.rests = new Float64Array(length)
    this.shortMinimums = new Float64Array(length)
    this.units = new Float64Array(length)
    this.groups = new Int32Array(length)
    this.deltas = new Float64Array(length)
    this.vegas = new Float64Array(length)
    this.leastGains = new Float64Array(length)
    this.mostGains = new Float64Array(length)
    this.runsAt = new Int32Array(length)
    this.runCounts = new Int32Array(length)
    const runs: number[] = []
    const gains: number[] = []
    for (const instrument of instruments) {
      const { instrumentId, risk } = instrument
      this.kinds[instrumentId] = risk.kind === 'array' ? byArray : byBounds
      this.marks[instrumentId] = instrument.markMicros
      this.caps[instrumentId] = instrument.capMicros
      this.ticks[instrumentId] = instrument.microsPerTick
      this.shortMinimums[instrumentId] = instrument.shortMinimumMicros
      this.units[instrumentId] = instrument.concentrationUnits
      this.groups[instrumentId] = instrument.group
      this.deltas[instrumentId] = instrument.deltaMicroUnits
      this.vegas[instrumentId] = instrument.vegaMicros
      if (risk.kind === 'bounds') {
        this.leastGains[instrumentId] = risk.lowMicros - instrument.markMicros
        this.mostGains[instrumentId] = risk.highMicros - instrument.markMicros
        continue
      }
      const { arrayMicros, restMicros } = risk
      this.rests[instrumentId] = restMicros
      this.leastGains[instrumentId] = arrayMicros.reduce((least, gain) => min(least, gain), min(restMicros, 0))
      this.mostGains[instrumentId] = arrayMicros.reduce((most, gain) => max(most, gain), max(restMicros, 0))
      this.runsAt[instrumentId] = runs.length
      const still: number[] = []
      for (let block = 0; block < this.blockCount; block += 1) {
        const ofBlock = arrayMicros.slice(this.blockStarts[block], this.blockStarts[block + 1])
        if (ofBlock.every(gain => gain === restMicros)) {
          still.push(block, 0)
          continue
        }
        runs.push(block, gains.length)
        this.runCounts[instrumentId] = (this.runCounts[instrumentId] as number) + 1
        for (const gain of ofBlock) gains.push(gain)
      }
      for (const entry of still) runs.push(entry)
    }
    this.runs = Int32Array.from(runs)
    this.gains = Float64Array.from(gains)
  }
}
