import { getBook } from '#adapters/tables/books.ts'
import type { getMarket } from '#protocol/operations/reference.ts'
import type { Handle } from '../shell/http.ts'
import { findMarket } from './find-market.ts'
import { marketStatusOf } from './market-data-view.ts'
import { marketOf } from './market-view.ts'

export const handle: Handle<typeof getMarket> = async ({ path }) => {
  const row = await findMarket(path.instrument_name)
  if (row === undefined) return { code: 'not-found' }
  const book = await getBook(row.lane, row.instrument.instrumentId)
  return { status: 200, body: { ...marketOf(row), ...marketStatusOf(row, book?.market) } }
}
