import { type BidRow, noteWithdrawal } from '#adapters/tables/day-ahead-bids.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import type { withdrawBid } from '#protocol/operations/day-ahead.ts'
import { deliver } from '../shell/command-intake.ts'
import { afterLoss, concurrentChange, mostAttempts } from '../shell/contention.ts'
import type { Handle, Principal } from '../shell/http.ts'
import { bidView } from './bid-view.ts'
import { type FoundBid, findBid } from './known-bid.ts'
import { withdrawCommand } from './placed-bids.ts'

const takesBids: readonly string[] = ['opening', 'open', 'closing']

export const handle: Handle<typeof withdrawBid> = ({ path, principal, headers }) =>
  withdraw(principal, path.bid_id, headers)

/** Of an account's own bid, whoever asks for it on the account's behalf. */
export const withdraw = async (
  principal: Pick<Principal, 'account'>,
  bidId: string,
  headers: Readonly<Record<string, string | undefined>>,
): ReturnType<Handle<typeof withdrawBid>> => {
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const found = await findBid(principal, bidId)
    if (found === undefined) return { code: 'not-found' }
    const { known, auction } = found
    if (known.state === 'withdrawn') return { status: 200, body: bidView(known, auction) }
    if (known.state === 'rejected' || known.state === 'replaced')
      return { code: 'bid-not-open', detail: `The bid was ${known.state}.` }
    if (!takesBids.includes(auction.state)) return { code: 'gate-closed' }
    const asked = await nextWithdrawal(known.row)
    if (asked !== undefined) return deliverWithdrawal(found, asked, headers)
    // Whoever has asked in between: their command is on its way, and is this request's too.
    await afterLoss(attempt)
  }
  return concurrentChange
}

const deliverWithdrawal = async (
  { known, auction }: FoundBid,
  { row, withdrawal }: Withdrawal,
  headers: Readonly<Record<string, string | undefined>>,
): ReturnType<Handle<typeof withdrawBid>> => {
  const command = withdrawCommand(row, withdrawal)
  const { outcome, waited, headers: applied } = await deliver(row.lane, command, true, headers, getOutcome)
  if (waited && outcome?.code !== undefined) return { code: outcome.code, headers: applied }
  const state = outcome?.accepted === true ? 'withdrawn' : known.state
  return {
    status: waited && outcome !== undefined ? 200 : 202,
    body: bidView({ row, state }, auction),
    headers: { location: `/api/v1/compute-futures/day-ahead/bids/${row.bidId}`, ...applied },
  }
}

interface Withdrawal {
  readonly row: BidRow
  readonly withdrawal: number
}

/** The command that is on its way, or, once that was refused, another one; undefined where somebody else asks right now. */
const nextWithdrawal = async (row: BidRow): Promise<Withdrawal | undefined> => {
  const { withdrawal } = row
  if (withdrawal !== undefined) {
    const outcome = await getOutcome(withdrawCommand(row, withdrawal).commandId)
    if (outcome?.accepted !== false) return { row, withdrawal }
  }
  const next = (withdrawal ?? 0) + 1
  return (await noteWithdrawal(row, next)) ? { row: { ...row, withdrawal: next }, withdrawal: next } : undefined
}
