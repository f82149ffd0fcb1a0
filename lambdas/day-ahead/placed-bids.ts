import { type BidRow, bidsOfAuction } from '#adapters/tables/day-ahead-bids.ts'
import { getOutcomes, type OutcomeRow } from '#adapters/tables/outcomes.ts'
import { gateNameOf } from '#domain/auction/day-ahead-market.ts'
import type { HoldBid, WithdrawBid } from '#domain/trading/commands.ts'
import type { BidState } from '#protocol/operations/day-ahead.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'

export interface KnownBid {
  readonly row: BidRow
  readonly state: BidState
  /** Why it was rejected. */
  readonly code?: OutcomeRow['code']
}

export const holdCommand = (row: BidRow): HoldBid => ({
  type: 'hold-bid',
  commandId: row.bidId,
  accountId: row.accountId,
  gateName: gateNameOf(row.deliveryDate),
  amountMicros: row.holdMicros,
  replacesHoldId: row.replacesBidId ?? '',
})

/** Another one after each refusal: the engine remembers what it refused. */
export const withdrawCommand = ({ bidId, accountId }: BidRow, withdrawal: number): WithdrawBid => ({
  type: 'withdraw-bid',
  commandId: nameBasedUuid(['withdraw-bid', bidId, withdrawal].join('#')),
  accountId,
  holdId: bidId,
})

/** All that was ever sent for the bids. */
export const commandsOf = (rows: readonly BidRow[]): readonly (HoldBid | WithdrawBid)[] =>
  rows.flatMap(row => [
    holdCommand(row),
    ...(row.withdrawal === undefined ? [] : [withdrawCommand(row, row.withdrawal)]),
  ])

/** Of all bids of an account, or of an auction: one may have taken the place of another. */
export const bidStates = async (rows: readonly BidRow[]): Promise<readonly KnownBid[]> => {
  const outcomes = await getOutcomes(commandsOf(rows).map(({ commandId }) => commandId))
  const isAccepted = (commandId: string): boolean => outcomes.get(commandId)?.accepted === true
  const replaced = new Set(
    rows.flatMap(({ bidId, replacesBidId }) => (replacesBidId !== undefined && isAccepted(bidId) ? replacesBidId : [])),
  )
  return rows.map((row): KnownBid => {
    const outcome = outcomes.get(row.bidId)
    // What became of it is kept with it once its gate is closed; the engine's answers are forgotten after a month.
    if (outcome === undefined) return { row, state: 'pending', ...row.ended }
    if (!outcome.accepted)
      return { row, state: 'rejected', ...(outcome.code === undefined ? {} : { code: outcome.code }) }
    if (replaced.has(row.bidId)) return { row, state: 'replaced' }
    const isWithdrawn = row.withdrawal !== undefined && isAccepted(withdrawCommand(row, row.withdrawal).commandId)
    return { row, state: isWithdrawn ? 'withdrawn' : 'accepted' }
  })
}

/** The bids that take part, once all are answered. */
export const placedBids = async (lane: number, deliveryDate: string): Promise<readonly BidRow[]> =>
  (await bidStates(await bidsOfAuction(lane, deliveryDate))).flatMap(({ row, state }) =>
    state === 'accepted' ? row : [],
  )
