import type { listComputeMarkets } from '#protocol/operations/day-ahead.ts'
import type { Handle } from '../shell/http.ts'
import { askedLane } from '../supervision/asked-lane.ts'
import { laneRules, nextAuctions } from './auction-rules.ts'
import { marketView } from './market-view.ts'

export const handle: Handle<typeof listComputeMarkets> = async ({ query }) => {
  const asked = askedLane(query.lane)
  if ('code' in asked) return asked
  const nowMillis = Date.now()
  const [{ rules, times }, auctions] = await Promise.all([
    laneRules(asked.lane, nowMillis),
    nextAuctions(asked.lane, nowMillis),
  ])
  return {
    status: 200,
    body: { data: times === undefined ? [] : rules.map(rule => marketView(rule, times, auctions, nowMillis)) },
  }
}
