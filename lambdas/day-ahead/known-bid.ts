import * as z from 'zod'
import { findByCommandId } from '#adapters/tables/commands.ts'
import { type AuctionRow, getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { type BidRow, bidsOfAccount } from '#adapters/tables/day-ahead-bids.ts'
import type { Principal } from '../shell/http.ts'
import { bidStates, type KnownBid } from './placed-bids.ts'

/** What the commands table keeps of a bid, so that a repeat can store it again. */
const promisedBid = z.object({ bid: z.unknown() })

export const bidOperations: readonly string[] = ['submit-bid', 'submit-offer']

export const promisedRow = (requestJson: string): BidRow => {
  const { bid }: { readonly bid: BidRow } = JSON.parse(requestJson)
  promisedBid.parse({ bid })
  return bid
}

export interface FoundBid {
  readonly known: KnownBid
  readonly auction: AuctionRow
}

/** A bid of the credential's account; undefined where it is somebody else's, too. */
export const findBid = async (principal: Pick<Principal, 'account'>, bidId: string): Promise<FoundBid | undefined> => {
  const promised = await findByCommandId(principal.account, bidId)
  if (promised === undefined || !bidOperations.includes(promised.operation)) return undefined
  return storedBid(promisedRow(promised.requestJson))
}

/** As it is stored, among the other ones of its account. */
export const storedBid = async ({ lane, deliveryDate, accountId, bidId }: BidRow): Promise<FoundBid | undefined> => {
  const [auction, rows] = await Promise.all([
    getAuction(lane, deliveryDate),
    bidsOfAccount(lane, deliveryDate, accountId),
  ])
  const known = (await bidStates(rows)).find(({ row }) => row.bidId === bidId)
  return auction === undefined || known === undefined ? undefined : { known, auction }
}
