import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { type AllocationRow, allocationsIn, getAllocation } from '#adapters/tables/capacity-allocations.ts'
import { getCurrentPlanId, getPlan } from '#adapters/tables/capacity-plans.ts'
import { isOpen } from '#domain/capacity/allocation.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { logger, metrics, serveSchedule } from '../shell/task.ts'
import { takeAward } from './awarded-bids.ts'
import { bookAllocation } from './book-allocation.ts'
import { deliverUnits } from './booked-units.ts'
import { released } from './cancel-capacity-allocation.ts'
import { changeAllocation } from './change-allocation.ts'
import { isUnderWay, longestPlanMillis, resumePlan, startPlan } from './plan-start.ts'

/** Of a run, of each kind: the next one goes on. */
const mostOfRun = 200
/** Whoever wants to know sooner asks for a plan. */
const patienceMillis = 5 * 60_000
/** What no plan could serve is tried again then. */
const againMillis = 60 * 60_000
/** From then on it is for an operator to know that nobody plans. */
const overdueMillis = 30 * 60_000

/** What time brings about: runs begin and end, bids are awarded or not, requests become too late, plans are made, and what broke off goes on. */
export const handler = serveSchedule(async () => {
  const nowMillis = Date.now()
  await each(await allocationsIn('releasing', { most: mostOfRun }), async row => {
    await released(row)
  })
  await each(await allocationsIn('bidding', { most: mostOfRun }), takeAward)
  await each(await allocationsIn('booked', { untilMillis: nowMillis, most: mostOfRun }), row => advance(row, nowMillis))
  await each(await allocationsIn('open', { untilMillis: nowMillis, most: mostOfRun }), row => lapse(row, nowMillis))
  await keepPlanning(nowMillis)
  metrics.addMetric('CapacitySweeps', MetricUnit.Count, 1)
})

/** One that cannot be done keeps none of the others waiting. */
const each = async (rows: readonly AllocationRow[], act: (row: AllocationRow) => Promise<void>): Promise<void> => {
  for (const { allocationId } of rows) {
    // An index lags: only the table says what is.
    const row = await getAllocation(allocationId)
    if (row === undefined) continue
    try {
      await act(row)
    } catch (error) {
      metrics.addMetric('AllocationsStuck', MetricUnit.Count, 1)
      logger.error('an allocation cannot go on', { allocation_id: allocationId, error: String(error) })
    }
  }
}

const advance = async (row: AllocationRow, nowMillis: number): Promise<void> => {
  const { state, startMillis = Infinity, endMillis = Infinity } = row
  if (state === 'reserved' && startMillis <= nowMillis) await changeAllocation(row, { state: 'active' })
  else if (state === 'active' && endMillis <= nowMillis) {
    await deliverUnits(row)
    await changeAllocation(row, { state: 'completed' })
  }
}

const lapse = async (row: AllocationRow, nowMillis: number): Promise<void> => {
  if (!isOpen(row.state) || row.isLapsed || row.latestStartMillis > nowMillis) return
  await changeAllocation(row, {
    state: 'unmet',
    isLapsed: true,
    explanation: row.explanation ?? 'No plan was made before its last start had passed.',
  })
}

const keepPlanning = async (nowMillis: number): Promise<void> => {
  const open = (await allocationsIn('open', { most: mostOfRun })).filter(row => isOpen(row.state) && !row.isLapsed)
  const due = open.filter(({ requestedAtMillis, plannedAtMillis }) =>
    plannedAtMillis === undefined
      ? nowMillis - requestedAtMillis >= patienceMillis
      : nowMillis - plannedAtMillis >= againMillis,
  )
  const overdue = open.filter(
    row => row.plannedAtMillis === undefined && nowMillis - row.requestedAtMillis >= overdueMillis,
  )
  metrics.addMetric('CapacityRequestsOverdue', MetricUnit.Count, overdue.length)
  const currentId = await getCurrentPlanId()
  const current = currentId === undefined ? undefined : await getPlan(currentId)
  if (current !== undefined && isUnderWay(current)) {
    if (nowMillis - current.updatedAtMillis > longestPlanMillis) await resumePlan(current)
    return
  }
  // Of a plan that failed: booked or given back, whatever comes first.
  await each(await allocationsIn('booking', { most: mostOfRun }), async row => {
    if (row.state === 'planned') await bookAllocation(row)
  })
  if (due.length > 0) await startPlan(nameBasedUuid(`capacity-sweep#${nowMillis}`), undefined)
}
