import * as z from 'zod'
import { getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { bidsOfAccount } from '#adapters/tables/day-ahead-bids.ts'
import type { listBids } from '#protocol/operations/day-ahead.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { bidView } from './bid-view.ts'
import { bidStates, type KnownBid } from './placed-bids.ts'

const defaultLimit = 100
const bidKey = z.tuple([z.int(), z.string()])
const keyOf = ({ row }: KnownBid): z.infer<typeof bidKey> => [row.createdAtMillis, row.bidId]
const isAfter = ([atMillis, bidId]: z.infer<typeof bidKey>, [thanMillis, thanId]: z.infer<typeof bidKey>): boolean =>
  atMillis > thanMillis || (atMillis === thanMillis && bidId > thanId)

/** All of an account are read for each page: whether one was replaced the others tell, and they are two hundred at most. */
export const handle: Handle<typeof listBids> = async ({ query, principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const scope = cursorScope('list-bids', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, bidKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { lane, accountId } = trader
  const auction = await getAuction(lane, query.delivery_date)
  if (auction === undefined) return { status: 200, body: { data: [], next_cursor: null } }
  const known = await bidStates(await bidsOfAccount(lane, query.delivery_date, accountId))
  const left = known
    .filter(each => query.bid_state === undefined || each.state === query.bid_state)
    .filter(each => after === undefined || isAfter(keyOf(each), after))
    .toSorted((one, other) => (isAfter(keyOf(one), keyOf(other)) ? 1 : -1))
  const told = left.slice(0, query.limit ?? defaultLimit)
  const last = told.at(-1)
  return {
    status: 200,
    body: {
      data: told.map(each => bidView(each, auction)),
      next_cursor: last === undefined || told.length === left.length ? null : encodeCursor(scope, keyOf(last)),
    },
  }
}
