import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { type AuctionRow, auctionsFrom } from '#adapters/tables/day-ahead-auctions.ts'
import { datesToOpen, deliveryDateOf } from '#domain/auction/day-ahead-market.ts'
import { versionOfDelivery } from '#domain/trading/engine-version.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { dayMillisOf } from './auction-dates.ts'
import { beginClosing, confirmOpening, openAuction, restartAuction, startAuction } from './auction-gate.ts'
import { laneRules } from './auction-rules.ts'

/** An execution that is older has ended, whatever became of it: TimeoutSeconds of the workflow, and some more. */
const longestAttemptMillis = 3_600_000 + 300_000
/** What failed is tried again so much later, for as long as it fails. */
const pauseAfterFailureMillis = 15 * 60_000
const overdueAfterMillis = 15 * 60_000
/** So long after its delivery date an auction is still looked at. */
const lookedAtMillis = 14 * 86_400_000

/** Each minute: opens gates whose time has come, closes those whose time is over, has what is closed cleared and booked. */
export const handler = serveSchedule(async () => {
  const nowMillis = Date.now()
  const failures: unknown[] = []
  let [gates, overdue] = [0, 0]
  const attempt = async (act: () => Promise<unknown>): Promise<void> => {
    try {
      await act()
    } catch (error) {
      failures.push(error)
    }
  }
  for (const lane of tenantLanes()) {
    const { times } = await laneRules(lane, nowMillis)
    if (times !== undefined && (await engineVersionMissing(lane, versionOfDelivery)) === undefined)
      for (const date of datesToOpen(nowMillis, times))
        await attempt(async () => {
          const opened = await openAuction(lane, date, nowMillis)
          gates += opened?.openedAtMillis === nowMillis ? 1 : 0
        })
    for (const row of await auctionsFrom(lane, deliveryDateOf(nowMillis - lookedAtMillis))) {
      await attempt(() => goOn(row, nowMillis))
      overdue += isOverdue(row, nowMillis) ? 1 : 0
    }
  }
  metrics.addMetric('GatesSet', MetricUnit.Count, gates)
  metrics.addMetric('AuctionsOverdue', MetricUnit.Count, overdue)
  metrics.addMetric('AuctionsNotSwept', MetricUnit.Count, failures.length)
  for (const failure of failures)
    logger.error('an auction could not be swept', failure instanceof Error ? failure : new Error(String(failure)))
  // The rest is done; the call is tried again, and whoever is on duty hears of it.
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} auctions could not be swept`)
})

const goOn = async (row: AuctionRow, nowMillis: number): Promise<void> => {
  const { state, deliveryDate, closesBeforeMillis } = row
  if (state === 'done' || state === 'cancelled') return
  if (state === 'opening' || state === 'open') {
    const opened = state === 'opening' ? await confirmOpening(row) : row
    if (nowMillis >= dayMillisOf(deliveryDate) - closesBeforeMillis) await beginClosing(opened, nowMillis)
    return
  }
  if (isLost(row, nowMillis)) await restartAuction(row, nowMillis)
  // Its start may have been lost; a second one starts nothing.
  else if (state === 'closing') await startAuction(row)
}

const isLost = ({ state, updatedAtMillis, startedAtMillis = 0 }: AuctionRow, nowMillis: number): boolean =>
  state === 'failed'
    ? nowMillis - updatedAtMillis >= pauseAfterFailureMillis
    : nowMillis - startedAtMillis > longestAttemptMillis

const isOverdue = ({ state, closedAtMillis }: AuctionRow, nowMillis: number): boolean =>
  state !== 'done' &&
  state !== 'cancelled' &&
  closedAtMillis !== undefined &&
  nowMillis - closedAtMillis > overdueAfterMillis
