import { type ParameterRow, parameterAt } from '#adapters/tables/parameters.ts'
import { type LiquidationTerms, liquidationTerms } from '#protocol/operations/liquidation.ts'

/** They are of the whole exchange. */
export const liquidationTermsName = '*'

/** As the exchange comes: docs/decisions/0015-liquidation.md says why. */
export const declaredLiquidationTerms: LiquidationTerms = {
  grace_ms: 300_000,
  buffer_ppm: 100_000,
  collar_ppm: 50_000,
  tranche_notional: '250000',
  tranche_pause_ms: 1_000,
  most_dry_tries: 3,
  auction_ms: 60_000,
  auction_reserve_ppm: 200_000,
  most_auctions: 2,
  fund_limit_ppm: 300_000,
}

export interface HeldLiquidationTerms {
  readonly terms: LiquidationTerms
  /** Absent: as the exchange comes. */
  readonly row?: ParameterRow
}

export const liquidationTermsAt = async (atMillis: number): Promise<HeldLiquidationTerms> => {
  const row = await parameterAt('liquidation', liquidationTermsName, atMillis)
  return row === undefined
    ? { terms: declaredLiquidationTerms }
    : { terms: liquidationTerms.parse({ ...declaredLiquidationTerms, ...row.value }), row }
}
