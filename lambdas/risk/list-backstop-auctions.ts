import * as z from 'zod'
import { auctionsOfLane, getBid } from '#adapters/tables/backstop-auctions.ts'
import type { listBackstopAuctions } from '#protocol/operations/liquidation.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { backstopAuctionView } from './backstop-auction-view.ts'

const defaultLimit = 100

export const handle: Handle<typeof listBackstopAuctions> = async ({ query, principal }) => {
  const maker = await traderOf(principal)
  if (maker === undefined) return { code: 'account-not-open' }
  const scope = cursorScope('list-backstop-auctions', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, openedKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await auctionsOfLane(maker.lane, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  const nowMillis = Date.now()
  const data = await Promise.all(
    rows.map(async row => backstopAuctionView(row, await getBid(row.auctionId, maker.accountId), nowMillis)),
  )
  return { status: 200, body: { data, next_cursor: next === undefined ? null : encodeCursor(scope, next) } }
}

/** An instant and an id. */
const openedKey = z.string().regex(/^[0-9TZ:.-]{24}#[0-9a-f-]{36}$/)
