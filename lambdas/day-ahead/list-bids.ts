import { getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { bidsOfAccount } from '#adapters/tables/day-ahead-bids.ts'
import type { listBids } from '#protocol/operations/day-ahead.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { bidView } from './bid-view.ts'
import { bidStates } from './placed-bids.ts'

export const handle: Handle<typeof listBids> = async ({ query, principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const { lane, accountId } = trader
  const auction = await getAuction(lane, query.delivery_date)
  if (auction === undefined) return { status: 200, body: { data: [] } }
  const known = await bidStates(await bidsOfAccount(lane, query.delivery_date, accountId))
  return {
    status: 200,
    body: {
      data: known
        .toSorted((a, b) => a.row.createdAtMillis - b.row.createdAtMillis || (a.row.bidId < b.row.bidId ? -1 : 1))
        .map(each => bidView(each, auction)),
    },
  }
}
