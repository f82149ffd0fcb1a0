import type { AllocationRow } from '#adapters/tables/capacity-allocations.ts'
import { withdraw } from '../day-ahead/withdraw-bid.ts'
import { waits } from './run-bid.ts'

/** As far as its gate allows. */
export const withdrawBidFor = async (row: AllocationRow): Promise<'withdrawn' | 'gate-closed' | 'unknown'> => {
  const bidId = row.shares.find(each => each.bid !== undefined)?.bid?.bidId
  if (bidId === undefined) throw new Error(`${row.allocationId} is bidding and has no bid`)
  const answer = await withdraw(row, bidId, waits)
  if ('code' in answer) {
    // Somebody has withdrawn or replaced it by its own operations: it takes part no more.
    if (answer.code === 'bid-not-open' || answer.code === 'unknown-hold') return 'withdrawn'
    return answer.code === 'gate-closed' ? 'gate-closed' : 'unknown'
  }
  return answer.body.bid_state === 'withdrawn' ? 'withdrawn' : 'unknown'
}
