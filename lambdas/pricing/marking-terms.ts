import { type ParameterRow, parametersAt } from '#adapters/tables/parameters.ts'
import type { MarkingParameters } from '#domain/pricing/marking.ts'
import { type MarkingTerms, markingTerms } from '#protocol/operations/pricing.ts'

/** The name under which the parameters are kept that hold for every underlying without its own; no underlying is called so. */
export const everyUnderlying = '*'

/** As the exchange comes: docs/decisions/0012-marks.md says why. */
export const declaredTerms: MarkingTerms = {
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

export interface HeldTerms {
  readonly terms: MarkingTerms
  /** Absent: as the exchange comes. */
  readonly row?: ParameterRow
}

/** What holds for each underlying at an instant: its own parameters, else those of all, else the declared ones. */
export const markingTermsAt = async (atMillis: number): Promise<(underlying: string | undefined) => HeldTerms> => {
  const rows = new Map((await parametersAt('marking', atMillis)).map(row => [row.name, row]))
  return underlying => {
    const row = rows.get(underlying ?? everyUnderlying) ?? rows.get(everyUnderlying)
    return row === undefined ? { terms: declaredTerms } : { terms: markingTerms.parse(row.value), row }
  }
}

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
