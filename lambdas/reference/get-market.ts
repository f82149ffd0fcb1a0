import { getBook } from '#adapters/tables/books.ts'
import { readInstrument } from '#adapters/tables/instruments.ts'
import type { getMarket } from '#protocol/operations/reference.ts'
import type { Handle } from '../shell/http.ts'
import { findMarket } from './find-market.ts'
import { marketStatusOf } from './market-data-view.ts'
import { marketOf } from './market-view.ts'

export const handle: Handle<typeof getMarket> = async ({ path }) => {
  const known = await findMarket(path.instrument_name)
  // Not the process's copy: whoever was told that it is delisted or settled is to see it so.
  const row = known && (await readInstrument(known.lane, path.instrument_name))
  if (row === undefined) return { code: 'not-found' }
  const book = await getBook(row.lane, row.instrument.instrumentId)
  return { status: 200, body: { ...marketOf(row), ...marketStatusOf(row, book?.market) } }
}
