import { getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { getClearedPrices, getResultHead } from '#adapters/tables/day-ahead-results.ts'
import type { getDayAheadPrices } from '#protocol/operations/day-ahead.ts'
import type { Handle } from '../shell/http.ts'
import { askedLane } from '../supervision/asked-lane.ts'
import { pricesView } from './prices-view.ts'
import { notCleared } from './when-cleared.ts'

export const handle: Handle<typeof getDayAheadPrices> = async ({ path, query }) => {
  const asked = askedLane(query.lane)
  if ('code' in asked) return asked
  const { delivery_date: deliveryDate } = path
  const [auction, prices, head] = await Promise.all([
    getAuction(asked.lane, deliveryDate),
    getClearedPrices(asked.lane, deliveryDate),
    getResultHead(asked.lane, deliveryDate),
  ])
  return auction === undefined || prices === undefined || head === undefined
    ? notCleared(asked.lane, deliveryDate)
    : { status: 200, body: pricesView(auction, prices, head.clearedAtMillis) }
}
