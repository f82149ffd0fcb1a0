import type { LiquidationProgress } from '#adapters/tables/liquidations.ts'
import { sizeTranche, type Tranche } from '#domain/margin/liquidation.ts'
import type { LiquidationTerms } from '#protocol/operations/liquidation.ts'
import { isTransferable, type LiquidatedAccount, type Sizing, sizedPositions } from './liquidated-account.ts'

/**
 * What is to be offered, in lots as they are held, by position: the fewest that restore the account at the reserve; where none
 * do, whatever it may lose by, so that what hedges itself stays; and where that is nothing, all it has.
 */
export const auctionedLots = (account: LiquidatedAccount, terms: LiquidationTerms): ReadonlyMap<number, number> => {
  const { equityMicros } = account
  const atReserve = sized(account, { by: 'auction', terms, at: 'reserve' }, equityMicros, terms.buffer_ppm)
  if (atReserve.isRestored) return lotsOf(atReserve)
  // As if it had nothing: whatever raises what it needs.
  const risky = lotsOf(sized(account, { by: 'auction', terms, at: 'mark' }, 0, 0))
  if (risky.size > 0) return risky
  return new Map(account.positions.filter(isTransferable).map(({ key, sizeLots }) => [key, sizeLots]))
}

/** Those that were held before they were counted by lane were of the account's only one. */
export const auctionsHeldIn = ({ auctionsIn, auctionsHeld }: LiquidationProgress, lane: number): number =>
  auctionsIn === undefined ? auctionsHeld : (auctionsIn[lane] ?? 0)

const sized = (account: LiquidatedAccount, sizing: Sizing, equityMicros: number, bufferPpm: number): Tranche => {
  const { groups } = account
  const tranche = sizeTranche({ positions: sizedPositions(account, sizing), equityMicros, groups, bufferPpm })
  if (!tranche.accepted) throw new Error(`what is to be auctioned makes no sense: ${tranche.code} ${tranche.field}`)
  return tranche.value
}

const lotsOf = ({ steps }: Tranche): ReadonlyMap<number, number> =>
  new Map(steps.map(({ instrumentId, lots }) => [instrumentId, -lots]))
