import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { getAllocation } from '#adapters/tables/capacity-allocations.ts'
import { decisionsOf, replacePlan } from '#adapters/tables/capacity-plans.ts'
import { accept } from '#domain/outcome.ts'
import { metrics, serveTask } from '../shell/task.ts'
import { bookAllocation } from './book-allocation.ts'
import { PlanError, type PlanStepAnswer, planRow, planStep } from './plan-step.ts'

/** Of one call: the next one goes on. */
const longestRunMillis = 12_000
const sideBySide = 4
/** With the pauses between them a quarter of an hour. */
const mostPolls = 180
const pauseSeconds = 4

/** Books what a plan has decided, as far as it gets; asked again until nothing of it is open. */
export const handler = serveTask(planStep, async step => {
  const row = await planRow(step.plan_id)
  const answer = (isDone: boolean, waitSeconds: number): PlanStepAnswer => ({
    plan_id: row.planId,
    polls: step.polls + 1,
    is_done: isDone,
    wait_seconds: waitSeconds,
  })
  if (row.state !== 'reserving') return accept(answer(true, 0))
  const until = performance.now() + longestRunMillis
  const served = (await decisionsOf(row.planId)).filter(each => each.served !== undefined)
  let waiting = 0
  let isCutShort = false
  for (let at = 0; at < served.length; at += sideBySide) {
    if (performance.now() > until) {
      isCutShort = true
      break
    }
    const bookings = await Promise.all(
      served.slice(at, at + sideBySide).map(async ({ allocationId }) => {
        const allocation = await getAllocation(allocationId)
        return allocation?.state === 'planned' && allocation.planId === row.planId
          ? bookAllocation(allocation)
          : undefined
      }),
    )
    waiting += bookings.filter(each => each === 'waiting').length
    metrics.addMetric('CapacityBooked', MetricUnit.Count, bookings.filter(each => each === 'booked').length)
    metrics.addMetric('CapacityNotBooked', MetricUnit.Count, bookings.filter(each => each === 'given up').length)
  }
  if (waiting > 0 || isCutShort) {
    if (step.polls >= mostPolls)
      throw new PlanError(
        'PlanUnbooked',
        `${waiting} requests of the plan ${row.planId} are neither booked nor given up`,
      )
    return accept(answer(false, isCutShort ? 0 : pauseSeconds))
  }
  const done = { ...row, state: 'done' as const, updatedAtMillis: Math.max(Date.now(), row.updatedAtMillis + 1) }
  if (!(await replacePlan(done, row))) throw new Error(`the plan ${row.planId} was moved on by another execution`)
  return accept(answer(true, 0))
})
