import { type ParameterRow, parametersAt } from '#adapters/tables/parameters.ts'
import { type EpochTerms, epochTermNames, type RiskTerms, riskTerms } from '#protocol/operations/risk.ts'

/** The name under which the parameters are kept that hold for every underlying without its own; no underlying is called so. */
export const everyUnderlying = '*'

/** As the exchange comes: docs/decisions/0013-portfolio-margin.md says why. */
export const declaredRiskTerms: RiskTerms = {
  price_scan_ppm: 200_000,
  volatility_scan: '15',
  family: null,
  short_option_minimum_ppm: 10_000,
  concentration_threshold: '5000000',
  concentration_charge_ppm: 50_000,
  haircut_ppm: 300_000,
  look_ahead_ms: 86_400_000,
  max_age_ms: 3_600_000,
  move_ppm: 100_000,
}

export interface HeldRiskTerms {
  readonly terms: RiskTerms
  /** Absent: as the exchange comes. */
  readonly row?: ParameterRow
}

/**
 * What holds for each underlying at an instant: its own parameters, else those of all, else the declared ones. What
 * epochs are made by is always that of all.
 */
export const riskTermsAt = async (atMillis: number): Promise<(underlying: string | undefined) => HeldRiskTerms> => {
  const rows = new Map((await parametersAt('risk', atMillis)).map(row => [row.name, row]))
  const every = heldIn(rows.get(everyUnderlying))
  return underlying => {
    const row = underlying === undefined ? undefined : rows.get(underlying)
    return row === undefined ? every : { terms: { ...heldIn(row).terms, ...epochTermsOf(every.terms) }, row }
  }
}

const heldIn = (row: ParameterRow | undefined): HeldRiskTerms =>
  row === undefined
    ? { terms: declaredRiskTerms }
    : { terms: riskTerms.parse({ ...declaredRiskTerms, ...row.value }), row }

export const epochTermsOf = ({ look_ahead_ms, max_age_ms, move_ppm }: RiskTerms): EpochTerms => ({
  look_ahead_ms,
  max_age_ms,
  move_ppm,
})

export const isEpochTerm = (name: string): boolean => epochTermNames.some(each => each === name)
