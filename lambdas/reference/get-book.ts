import { getBook } from '#adapters/tables/books.ts'
import { newMarket } from '#domain/trading/market-data.ts'
import type { getBook as operation } from '#protocol/operations/reference.ts'
import type { Handle } from '../shell/http.ts'
import { findMarket } from './find-market.ts'
import { levelsOf, priceOrNull, stateOf } from './market-data-view.ts'

const defaultDepth = 50

export const handle: Handle<typeof operation> = async ({ path, query }) => {
  const row = await findMarket(path.instrument_name)
  if (row === undefined) return { code: 'not-found' }
  const book = await getBook(row.lane, row.instrument.instrumentId)
  const market = book?.market ?? newMarket
  const depth = query.depth ?? defaultDepth
  return {
    status: 200,
    body: {
      instrument_name: row.instrument.specification.instrumentName,
      trading_state: stateOf(row, market),
      bids: levelsOf(row, market.bids, depth),
      asks: levelsOf(row, market.asks, depth),
      bids_known_to: priceOrNull(row, market.bids.cutTicks),
      asks_known_to: priceOrNull(row, market.asks.cutTicks),
      sequence: book?.outSeq ?? 0,
      timestamp: new Date(book?.updatedAtMillis ?? row.listedAtMillis).toISOString(),
    },
  }
}
