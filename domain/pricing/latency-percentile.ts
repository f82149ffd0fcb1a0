import { roundedRatio } from './availability.ts'
import { wholeNumber } from './input-limits.ts'
import { type Priced, priced, type Refused, refused } from './priced.ts'

const million = 1_000_000n

const longestNanos = Number.MAX_SAFE_INTEGER

const sampleLimits = (samplesNanos: readonly number[], percentilePartsPerMillion: number): Refused | undefined => {
  const refusal = wholeNumber('percentilePartsPerMillion', percentilePartsPerMillion, 1, 1_000_000)
  if (refusal !== undefined) return refusal
  if (samplesNanos.length === 0) return refused('too-few', 'samplesNanos')
  for (const sample of samplesNanos) {
    const unfit = wholeNumber('samplesNanos', sample, 0, longestNanos)
    if (unfit !== undefined) return unfit
  }
  return undefined
}

/** The smallest sample that at least this share of all samples does not exceed: Hyndman and Fan (1996), type 1. */
export const nearestRankLatency = (
  samplesNanos: readonly number[],
  percentilePartsPerMillion: number,
): Priced<number> => {
  const refusal = sampleLimits(samplesNanos, percentilePartsPerMillion)
  if (refusal !== undefined) return refusal
  const rank = Number((BigInt(samplesNanos.length) * BigInt(percentilePartsPerMillion) + million - 1n) / million)
  const sample = samplesNanos.toSorted((a, b) => a - b)[rank - 1]
  return sample === undefined ? refused('too-few', 'samplesNanos') : priced(sample)
}

/** Linear between the samples around rank (n − 1) p, to the nearest nanosecond: Hyndman and Fan (1996), type 7. */
export const interpolatedLatency = (
  samplesNanos: readonly number[],
  percentilePartsPerMillion: number,
): Priced<number> => {
  const refusal = sampleLimits(samplesNanos, percentilePartsPerMillion)
  if (refusal !== undefined) return refusal
  const sorted = samplesNanos.toSorted((a, b) => a - b)
  const position = BigInt(sorted.length - 1) * BigInt(percentilePartsPerMillion)
  const below = sorted[Number(position / million)] ?? 0
  const above = sorted[Number(position / million) + 1] ?? below
  return roundedRatio(BigInt(below) * million + BigInt(above - below) * (position % million), million)
}

/** Counts of a window's samples up to each bound, bounds ascending: what window records keep instead of samples. */
export interface LatencyWindow {
  readonly upperNanos: readonly number[]
  readonly counts: readonly number[]
}

/**
 * The nearest-rank percentile of all samples of several windows, as the upper bound of the bucket that holds it. All windows
 * have the same bounds; a bucket's samples may all lie at its bound, so the answer is never below the true percentile.
 */
export const windowedLatency = (
  windows: readonly LatencyWindow[],
  percentilePartsPerMillion: number,
): Priced<number> => {
  const refusal = wholeNumber('percentilePartsPerMillion', percentilePartsPerMillion, 1, 1_000_000)
  if (refusal !== undefined) return refusal
  const bounds = windows[0]?.upperNanos ?? []
  const totals = bounds.map(() => 0)
  for (const { upperNanos, counts } of windows) {
    if (upperNanos.length !== bounds.length || counts.length !== bounds.length)
      return refused('length-mismatch', 'windows')
    for (const [bucket, bound] of bounds.entries()) {
      const count = counts[bucket] ?? -1
      const unfit = wholeNumber('counts', count, 0, longestNanos) ?? wholeNumber('upperNanos', bound, 0, longestNanos)
      if (unfit !== undefined) return unfit
      if (upperNanos[bucket] !== bound || (bucket > 0 && bound <= (bounds[bucket - 1] ?? 0)))
        return refused('not-ascending', 'upperNanos')
      totals[bucket] = (totals[bucket] ?? 0) + count
    }
  }
  const samples = totals.reduce((sum, count) => sum + count, 0)
  if (samples === 0) return refused('too-few', 'windows')
  const rank = (BigInt(samples) * BigInt(percentilePartsPerMillion) + million - 1n) / million
  let reached = 0n
  for (const [bucket, count] of totals.entries()) {
    reached += BigInt(count)
    if (reached >= rank) return priced(bounds[bucket] ?? 0)
  }
  return refused('too-few', 'windows')
}

/** The settlement price of a latency future: the percentile in ticks, halves up. */
export const latencySettlementTicks = (percentileNanos: number, tickNanos: number): Priced<number> => {
  const refusal =
    wholeNumber('percentileNanos', percentileNanos, 0, longestNanos) ??
    wholeNumber('tickNanos', tickNanos, 1, longestNanos)
  return refusal ?? roundedRatio(BigInt(percentileNanos), BigInt(tickNanos))
}
