import { accepted, type Checked, integer, type Refused, refused } from './refused.ts'

const { abs, floor, max, min } = Math

/** One position of an account whose orders are cancelled already. Micros are for each lot. */
export interface LiquidatedPosition {
  readonly instrumentId: number
  /** Signed. */
  readonly sizeLots: number
  readonly markMicros: number
  /** At which the tranche's order is sent: the worst that a lot may bring (long) or cost (short). */
  readonly limitMicros: number
  /** The highest fee of a lot at that price, rounded up. */
  readonly lotFeeMicros: number
  readonly shortMinimumMicros: number
  readonly concentrationUnits: number
  readonly group: number
  /** What a long lot gains in each scenario; of an instrument known by its bounds, at each of its two ends. */
  readonly gainsMicros: readonly number[]
  readonly isBounded: boolean
  /** No more in one tranche. */
  readonly largestLots: number
}

export interface LiquidationInputs {
  /** In the order in which they are to be reduced. */
  readonly positions: readonly LiquidatedPosition[]
  readonly equityMicros: number
  readonly groups: readonly { readonly thresholdUnits: number; readonly microsPerUnit: number }[]
  /** How far below equity the requirement is to come, in parts of it: 100,000 is a tenth of equity to spare. */
  readonly bufferPpm: number
}

export interface TrancheStep {
  readonly instrumentId: number
  /** Signed: what is sold is negative. */
  readonly lots: number
  readonly limitMicros: number
  readonly excessBeforeMicros: number
  readonly excessAfterMicros: number
}

export interface Tranche {
  readonly steps: readonly TrancheStep[]
  readonly isRestored: boolean
  readonly equityBeforeMicros: number
  readonly requirementBeforeMicros: number
  /** If every step fills at its limit. */
  readonly equityAfterMicros: number
  readonly requirementAfterMicros: number
}

/**
 * The fewest lots, position by position in the declared order, that bring the requirement to at most equity less the buffer
 * if they fill at their limits (better prices only add equity).
 *
 * Reducing one position by k lots changes equity by a linear amount and the requirement by a convex one, as a maximum of
 * sums that are each linear in k: so what equity leaves over is concave in k, and its highest point and the first k that
 * reaches a target are found by bisection, exactly. A position whose reduction no longer helps (it hedges another) is left
 * where it helps most, and the next one follows.
 */
export const sizeTranche = (inputs: LiquidationInputs): Checked<Tranche> => {
  const refusal = inputsRefusal(inputs)
  if (refusal !== undefined) return refusal
  const sizes = inputs.positions.map(({ sizeLots }) => sizeLots)
  let equity = inputs.equityMicros
  const before = requirementOf(inputs, sizes)
  const steps: TrancheStep[] = []
  for (const [index, position] of inputs.positions.entries()) {
    const size = sizes[index] as number
    const most = min(abs(size), position.largestLots)
    const direction = size > 0 ? -1 : 1
    // A lot sold at less than its mark, or bought at more, costs equity.
    const lotCost = direction * (position.limitMicros - position.markMicros) + position.lotFeeMicros
    const excessAt = (lots: number): bigint =>
      excess(
        equity - lots * lotCost,
        requirementOf(inputs, sizes.with(index, size + direction * lots)),
        inputs.bufferPpm,
      )
    const now = excessAt(0)
    if (now >= 0n) break
    const peak = highest(excessAt, most)
    const lots = excessAt(peak) >= 0n ? firstAbove(excessAt, peak) : peak
    if (lots === 0) continue
    steps.push({
      instrumentId: position.instrumentId,
      lots: direction * lots,
      limitMicros: position.limitMicros,
      excessBeforeMicros: wholeMicros(now),
      excessAfterMicros: wholeMicros(excessAt(lots)),
    })
    sizes[index] = size + direction * lots
    equity -= lots * lotCost
  }
  const after = requirementOf(inputs, sizes)
  return accepted({
    steps,
    isRestored: excess(equity, after, inputs.bufferPpm) >= 0n,
    equityBeforeMicros: inputs.equityMicros,
    requirementBeforeMicros: before,
    equityAfterMicros: equity,
    requirementAfterMicros: after,
  })
}

/**
 * What equity leaves over after the requirement and the buffer, which is a part of positive equity: in millionths of a
 * micro, for rounding would make dents in what is concave.
 */
const excess = (equity: number, requirement: number, bufferPpm: number): bigint =>
  BigInt(equity - requirement) * million - BigInt(max(0, equity)) * BigInt(bufferPpm)

const million = 1_000_000n
const wholeMicros = (millionths: bigint): number => {
  const whole = millionths / million
  return Number(whole * million > millionths ? whole - 1n : whole)
}

/** The smallest k of those where a concave function is highest. */
const highest = (concave: (lots: number) => bigint, most: number): number => {
  let [low, high] = [0, most]
  while (low < high) {
    const middle = floor((low + high) / 2)
    if (concave(middle + 1) > concave(middle)) low = middle + 1
    else high = middle
  }
  return low
}

/** The first k at which a function that rises up to `peak` is not below 0. */
const firstAbove = (rising: (lots: number) => bigint, peak: number): number => {
  let [low, high] = [0, peak]
  while (low < high) {
    const middle = floor((low + high) / 2)
    if (rising(middle) >= 0n) high = middle
    else low = middle + 1
  }
  return low
}

const requirementOf = ({ positions, groups }: LiquidationInputs, sizes: readonly number[]): number => {
  const sums: number[] = []
  const units = groups.map(() => 0)
  let addOns = 0
  for (const [index, position] of positions.entries()) {
    const size = sizes[index] as number
    const { gainsMicros, group } = position
    if (position.isBounded) addOns -= min(...gainsMicros.map(gain => gain * size))
    else for (const [s, gain] of gainsMicros.entries()) sums[s] = (sums[s] ?? 0) + gain * size
    addOns += max(0, -size) * position.shortMinimumMicros
    units[group] = (units[group] as number) + abs(size) * position.concentrationUnits
  }
  for (const [group, { thresholdUnits, microsPerUnit }] of groups.entries())
    addOns += max(0, (units[group] as number) - thresholdUnits) * microsPerUnit
  return addOns + sums.reduce((worst, sum) => max(worst, -sum), 0)
}

const largest = 2 ** 51

const inputsRefusal = ({ positions, equityMicros, groups, bufferPpm }: LiquidationInputs): Refused | undefined => {
  const refusal =
    integer('equityMicros', equityMicros, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ??
    integer('bufferPpm', bufferPpm, 0, 999_999)
  if (refusal !== undefined) return refusal
  const scenarios = positions.find(({ isBounded }) => !isBounded)?.gainsMicros.length
  const seen = new Set<number>()
  for (const position of positions) {
    const at = `positions/${position.instrumentId}`
    if (seen.has(position.instrumentId)) return refused('duplicate-instrument', at)
    seen.add(position.instrumentId)
    const length = position.isBounded ? 2 : scenarios
    if (position.gainsMicros.length !== length) return refused('length-mismatch', `${at}/gainsMicros`)
    const unfit =
      integer(`${at}/sizeLots`, position.sizeLots, -largest, largest) ??
      integer(`${at}/markMicros`, position.markMicros, 0, largest) ??
      integer(`${at}/limitMicros`, position.limitMicros, 0, largest) ??
      integer(`${at}/lotFeeMicros`, position.lotFeeMicros, 0, largest) ??
      integer(`${at}/largestLots`, position.largestLots, 0, largest) ??
      integer(`${at}/group`, position.group, 0, groups.length - 1)
    if (unfit !== undefined) return unfit
    for (const gain of position.gainsMicros) {
      const odd = integer(`${at}/gainsMicros`, gain, -largest, largest)
      if (odd !== undefined) return odd
    }
  }
  return undefined
}
