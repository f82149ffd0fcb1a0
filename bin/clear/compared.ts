import type { Clearing } from '#domain/auction/clearing.ts'
import { type Expected, ticksPerMoney } from './fixture.ts'

export interface Compared {
  /** Blocks whose acceptance is the published one. */
  readonly decisionsMatched: number
  readonly decisions: number
  readonly differing: readonly string[]
  /** Null where nothing was expected. */
  readonly meanAbsoluteError: number | null
  readonly largestError: { readonly area: string; readonly hour: number; readonly error: number } | null
  readonly pricesCompared: number
  readonly pricesMissing: number
}

/** A clearing beside what was published. */
export const compared = (clearing: Clearing, expected: Expected): Compared => {
  const known = clearing.blocks.filter(({ blockId }) => expected.isAccepted.has(blockId))
  const differing = known.filter(({ blockId, takenParts }) => takenParts > 0 !== expected.isAccepted.get(blockId))
  const prices = new Map(clearing.markets.map(({ area, period, priceTicks }) => [`${period} ${area}`, priceTicks]))
  const errors = expected.prices.flatMap(({ area, period, price }) => {
    const ticks = prices.get(`${period} ${area}`) ?? null
    return ticks === null ? [] : [{ area, hour: period + 1, error: Math.abs(ticks / ticksPerMoney - price) }]
  })
  return {
    decisionsMatched: known.length - differing.length,
    decisions: known.length,
    differing: differing.map(({ blockId }) => blockId),
    meanAbsoluteError: errors.length === 0 ? null : errors.reduce((sum, { error }) => sum + error, 0) / errors.length,
    largestError: errors.toSorted((a, b) => b.error - a.error)[0] ?? null,
    pricesCompared: errors.length,
    pricesMissing: expected.prices.length - errors.length,
  }
}
