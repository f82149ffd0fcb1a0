import type * as z from 'zod'
import type { MarkingParameters } from '#domain/pricing/marking.ts'
import { type MarkingTerms, type markingParameters, markingTerms } from '#protocol/operations/pricing.ts'
import { type Held, heldAt, heldView, nameOf, type ParametersOf } from '../shell/held-parameters.ts'

/** As the exchange comes: docs/decisions/0012-marks.md says why. */
const declared: MarkingTerms = {
  rate: '0',
  default_volatility: '80',
  correlation: '0.5',
  max_spread: '0.1',
  max_deviation: '0.1',
  basis_half_life_ms: 600_000,
  last_trade_max_age_ms: 900_000,
  slice_max_age_ms: 7 * 86_400_000,
  move: '0.005',
  min_interval_ms: 3_000,
  interval_ms: 60_000,
  monte_carlo_pairs: 2_000,
}

export const markingParameterKind: ParametersOf<MarkingTerms> = { kind: 'marking', schema: markingTerms, declared }

/** What holds for each underlying at an instant: its own parameters, else those of all, else the declared ones. */
export const markingTermsAt = (atMillis: number): Promise<(underlying: string | undefined) => Held<MarkingTerms>> =>
  heldAt(markingParameterKind, atMillis)

export const markingView = (held: Held<MarkingTerms>): z.infer<typeof markingParameters> => ({
  underlying: nameOf(held),
  ...heldView(held),
})

export const markingParametersOf = (terms: MarkingTerms): MarkingParameters => ({
  rate: Number(terms.rate),
  defaultVolatility: Number(terms.default_volatility) / 100,
  correlation: Number(terms.correlation),
  maxSpread: Number(terms.max_spread),
  maxDeviation: Number(terms.max_deviation),
  basisHalfLifeMillis: terms.basis_half_life_ms,
  lastTradeMaxAgeMillis: terms.last_trade_max_age_ms,
  sliceMaxAgeMillis: terms.slice_max_age_ms,
  monteCarloPairs: terms.monte_carlo_pairs,
})
