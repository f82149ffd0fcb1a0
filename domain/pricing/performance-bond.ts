import { wholeNumber } from './input-limits.ts'
import { type Priced, priced, refused } from './priced.ts'

export interface BondSettlement {
  /** Paid to the beneficiary out of the collateral. */
  readonly drawnMicros: number
  /** Returned to who posted it. */
  readonly releasedMicros: number
  /** Penalties beyond the collateral. */
  readonly shortfallMicros: number
}

/**
 * What a performance bond pays: the net of the penalty ledger's entries (corrections are negative entries), up to the
 * collateral. drawn + released is the collateral, to the micro.
 */
export const performanceBondSettlement = (
  collateralMicros: number,
  penaltyEntriesMicros: readonly number[],
): Priced<BondSettlement> => {
  const refusal = wholeNumber('collateralMicros', collateralMicros, 0, Number.MAX_SAFE_INTEGER)
  if (refusal !== undefined) return refusal
  let net = 0n
  for (const entry of penaltyEntriesMicros) {
    if (!Number.isSafeInteger(entry)) return refused('not-an-integer', 'penaltyEntriesMicros')
    net += BigInt(entry)
  }
  const collateral = BigInt(collateralMicros)
  const owed = net > 0n ? net : 0n
  const drawn = owed < collateral ? owed : collateral
  if (owed - drawn > BigInt(Number.MAX_SAFE_INTEGER)) return refused('not-representable', 'value')
  return priced({
    drawnMicros: Number(drawn),
    releasedMicros: Number(collateral - drawn),
    shortfallMicros: Number(owed - drawn),
  })
}
