import type { Tranche } from './liquidation.ts'

/** How far a liquidation has come, as its next move follows from it. */
export interface LiquidationState {
  /** Sized over what the books have not refused too often. */
  readonly tranche: Tranche
  /** Contracts that are still open and trade, whatever the books say of them. */
  readonly openPositions: number
  /** That trade no more and are about to be settled. */
  readonly expiredPositions: number
  readonly cashMicros: number
  readonly auctionsHeld: number
  readonly mostAuctions: number
  /** It has paid what it may, or has nothing to pay with. */
  readonly isFundSpent: boolean
  readonly isLossAllocated: boolean
}

export const liquidationMoves = ['end', 'reduce', 'auction', 'wait', 'cover', 'haircut', 'stuck'] as const
export type LiquidationMove = (typeof liquidationMoves)[number]

/**
 * The waterfall: reduce in the books while that helps; what the books do not take, auction among market makers; once
 * nothing is open, the insurance fund pays what is owed, and then those who have won. It ends where the requirement with its
 * buffer is met, or without the buffer where nothing more can be done for it. `wait`: for settlements. `stuck`: positions are left that nobody takes,
 * or a debt that nobody pays.
 */
export const nextMove = (state: LiquidationState): LiquidationMove => {
  const { tranche, openPositions } = state
  if (tranche.isRestored && tranche.steps.length === 0) return 'end'
  if (tranche.steps.length > 0) return 'reduce'
  if (tranche.equityBeforeMicros >= tranche.requirementBeforeMicros) return 'end'
  if (openPositions > 0) return state.auctionsHeld < state.mostAuctions ? 'auction' : 'stuck'
  if (state.expiredPositions > 0) return 'wait'
  if (state.cashMicros >= 0) return 'stuck'
  if (!state.isFundSpent) return 'cover'
  return state.isLossAllocated ? 'stuck' : 'haircut'
}
