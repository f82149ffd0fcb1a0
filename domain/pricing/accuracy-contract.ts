import { roundedRatio } from './availability.ts'
import { partsPerMillion, wholeNumber } from './input-limits.ts'
import { type Priced, priced, refused } from './priced.ts'

/**
 * The accuracy that a contract settles on: the median of what at least `quorum` attestors measured, in parts per million;
 * of an even number the lower of the two in the middle, so that it is always a value that somebody attested.
 */
export const attestedAccuracy = (attestationsPartsPerMillion: readonly number[], quorum: number): Priced<number> => {
  const refusal = wholeNumber('quorum', quorum, 1, 1_000_000)
  if (refusal !== undefined) return refusal
  if (attestationsPartsPerMillion.length < quorum) return refused('missing-observation', 'attestationsPartsPerMillion')
  for (const attestation of attestationsPartsPerMillion) {
    const unfit = partsPerMillion('attestationsPartsPerMillion', attestation)
    if (unfit !== undefined) return unfit
  }
  const sorted = attestationsPartsPerMillion.toSorted((a, b) => a - b)
  const median = sorted[Math.floor((sorted.length - 1) / 2)]
  return median === undefined ? refused('missing-observation', 'attestationsPartsPerMillion') : priced(median)
}

export interface AccuracyTerms {
  readonly benchmarkPartsPerMillion: number
  readonly notionalMicrosPerBasisPoint: number
  /** Neither side pays more than this. */
  readonly capMicros: number
}

/** What the buyer of accuracy gets: notional × (attested − benchmark) in basis points, within ± the cap. */
export const accuracySettlementMicros = (terms: AccuracyTerms, accuracyPartsPerMillion: number): Priced<number> => {
  const { benchmarkPartsPerMillion, notionalMicrosPerBasisPoint, capMicros } = terms
  const refusal =
    partsPerMillion('benchmarkPartsPerMillion', benchmarkPartsPerMillion) ??
    wholeNumber('notionalMicrosPerBasisPoint', notionalMicrosPerBasisPoint, 1, Number.MAX_SAFE_INTEGER) ??
    wholeNumber('capMicros', capMicros, 1, Number.MAX_SAFE_INTEGER) ??
    partsPerMillion('accuracyPartsPerMillion', accuracyPartsPerMillion)
  if (refusal !== undefined) return refusal
  const top = BigInt(notionalMicrosPerBasisPoint) * BigInt(accuracyPartsPerMillion - benchmarkPartsPerMillion)
  const limit = BigInt(capMicros) * 100n
  const within = top > limit ? limit : top < -limit ? -limit : top
  return roundedRatio(within, 100n)
}
