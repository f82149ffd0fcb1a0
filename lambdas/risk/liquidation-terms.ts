import { type LiquidationTerms, liquidationTerms } from '#protocol/operations/liquidation.ts'
import { type Held, heldAt, type ParametersOf } from '../shell/held-parameters.ts'

/** As the exchange comes: docs/decisions/0015-liquidation.md says why. */
const declared: LiquidationTerms = {
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

export const liquidationParameterKind: ParametersOf<LiquidationTerms> = {
  kind: 'liquidation',
  schema: liquidationTerms,
  declared,
}

/** They are of the whole exchange. */
export const liquidationTermsAt = async (atMillis: number): Promise<Held<LiquidationTerms>> =>
  (await heldAt(liquidationParameterKind, atMillis))(undefined)
