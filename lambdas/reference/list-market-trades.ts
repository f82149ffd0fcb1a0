import * as z from 'zod'
import * as trades from '#adapters/tables/market-trades.ts'
import type { listMarketTrades } from '#protocol/operations/reference.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { findMarket } from './find-market.ts'
import { amountOf, priceOf } from './market-data-view.ts'

const defaultLimit = 100

/** Of the last on the page. */
const tradeKey = z.tuple([z.int().nonnegative(), z.int().positive()])

export const handle: Handle<typeof listMarketTrades> = async ({ path, query, principal }) => {
  const scope = cursorScope('list-market-trades', principal.account, query, path)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, tradeKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const row = await findMarket(path.instrument_name)
  if (row === undefined) return { code: 'not-found' }
  const { rows, next } = await trades.listMarketTrades(row.lane, row.instrument.instrumentId, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after: { atMillis: after[0], outSeq: after[1] } }),
    ...(query.start === undefined ? {} : { startMillis: Date.parse(query.start) }),
    ...(query.end === undefined ? {} : { endMillis: Date.parse(query.end) }),
  })
  const last = rows.at(-1)
  return {
    status: 200,
    body: {
      data: rows.map(trade => ({
        trade_id: trade.tradeId,
        price: priceOf(row, trade.priceTicks),
        amount: amountOf(row, trade.quantityLots),
        direction: trade.isAuction ? null : trade.direction,
        is_auction: trade.isAuction,
        is_busted: trade.isBusted ?? false,
        timestamp: new Date(trade.atMillis).toISOString(),
      })),
      next_cursor: next === undefined || last === undefined ? null : encodeCursor(scope, [last.atMillis, last.outSeq]),
    },
  }
}
