import { getBook } from '#adapters/tables/books.ts'
import type { CapacitySource } from '#domain/capacity/capacity-source.ts'
import { futureSources } from '#domain/capacity/future-sources.ts'
import { bestLevels } from '#domain/trading/book-side.ts'
import { type Hours, tradedFutures } from './traded-futures.ts'

export interface FuturesAsker {
  readonly account: string
  readonly lane: number
  readonly regions: readonly string[]
}

/** What stands deeper is not looked at. */
const mostLevels = 20
/** Books that are read at a time. */
const mostAtOnce = 16

/** What stands in the books of their lanes in continuous trading: an order would wait in any other state. */
export const futuresOnSale = async (
  askers: readonly FuturesAsker[],
  hours: Hours,
  nowMillis: number,
): Promise<readonly CapacitySource[]> => {
  const sources: CapacitySource[] = []
  for (const [lane, own] of Map.groupBy(askers, each => each.lane)) {
    const accounts = [...new Set(own.map(each => each.account))]
    const regions = [...new Set(own.flatMap(each => each.regions))]
    const futures = await tradedFutures(lane, regions, hours, nowMillis)
    for (let at = 0; at < futures.length; at += mostAtOnce) {
      const found = await Promise.all(
        futures.slice(at, at + mostAtOnce).map(async ({ row: { instrument }, unit }) => {
          const book = await getBook(lane, instrument.instrumentId)
          return book?.market.state === 'continuous'
            ? futureSources(instrument, unit, bestLevels(book.market.asks, mostLevels), accounts)
            : []
        }),
      )
      sources.push(...found.flat())
    }
  }
  return sources
}
