import { loadSolver } from '#adapters/highs.ts'
import type { AuctionRow } from '#adapters/tables/day-ahead-auctions.ts'
import { getResultHead, storeFirstResult } from '#adapters/tables/day-ahead-results.ts'
import { clearDay } from '#domain/auction/auction-day.ts'
import { accept } from '#domain/outcome.ts'
import { logger, serveTask } from '../shell/task.ts'
import { dayMillisOf } from './auction-dates.ts'
import { AuctionError, advanceAuction, auctionOf, auctionStep } from './auction-step.ts'
import { placedBids } from './placed-bids.ts'

/**
 * Clears the auction of the bids that take part, and stores what it comes to. What is stored first is the only result; the
 * limits of the search count nodes and iterations, so that a second clearing would come to the same.
 */
export const handler = serveTask(auctionStep, async step => {
  const row = await auctionOf(step)
  if (row.state !== 'closed') return accept(step)
  const { lane, deliveryDate } = row
  const known = await getResultHead(lane, deliveryDate)
  if (known === undefined && isTooLate(row)) {
    await advanceAuction(row, { state: 'cancelling', failure: 'the first hour had expired before it could be cleared' })
    return accept(step)
  }
  const head = known ?? (await clearAndStore(row))
  await advanceAuction(row, { state: 'cleared', clearedAtMillis: head.clearedAtMillis })
  return accept(step)
})

/** Once its first future has expired nothing can be awarded in it any more. */
const isTooLate = ({ markets, deliveryDate }: AuctionRow): boolean =>
  Date.now() >= dayMillisOf(deliveryDate) - Math.max(0, ...markets.map(market => market.expiresBeforeMillis))

const clearAndStore = async ({ lane, deliveryDate, markets }: AuctionRow) => {
  const bids = await placedBids(lane, deliveryDate)
  const cleared = clearDay(markets, bids, { solve: await loadSolver() })
  if (!cleared.isCleared) throw new AuctionError('NotClearable', `${cleared.code} at ${cleared.at}`)
  const { pools, awards } = cleared.day
  logger.info('a day-ahead auction is cleared', {
    lane,
    delivery_date: deliveryDate,
    bids: bids.length,
    awards: awards.length,
    is_limit_hit: pools.some(({ certificate }) => certificate.isLimitHit),
  })
  return storeFirstResult(lane, deliveryDate, cleared.day, Date.now())
}
