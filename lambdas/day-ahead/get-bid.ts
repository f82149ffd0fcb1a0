import type { getBid } from '#protocol/operations/day-ahead.ts'
import type { Handle } from '../shell/http.ts'
import { bidView } from './bid-view.ts'
import { findBid } from './known-bid.ts'

export const handle: Handle<typeof getBid> = async ({ path, principal }) => {
  const found = await findBid(principal, path.bid_id)
  return found === undefined ? { code: 'not-found' } : { status: 200, body: bidView(found.known, found.auction) }
}
