import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { v7 as uuidv7 } from 'uuid'
import { loadSolver } from '#adapters/highs.ts'
import {
  type AllocationRow,
  type AllocationShare,
  allocationsIn,
  getAllocation,
} from '#adapters/tables/capacity-allocations.ts'
import {
  type DecisionRow,
  decisionsOf,
  type PlanRow,
  putDecisions,
  replacePlan,
} from '#adapters/tables/capacity-plans.ts'
import { isOpen } from '#domain/capacity/allocation.ts'
import { type CapacityRequest, hourMillis } from '#domain/capacity/capacity-request.ts'
import { type PlanDecision, planCapacity } from '#domain/capacity/plan-capacity.ts'
import { accept } from '#domain/outcome.ts'
import { metrics, serveTask } from '../shell/task.ts'
import { vectorOf } from './allocation-view.ts'
import { boughtMicros, boughtPlaces, boughtShares } from './bought-shares.ts'
import { capacitySources } from './capacity-sources.ts'
import { changeAllocation, unplanned } from './change-allocation.ts'
import { futuresOnSale } from './futures-on-sale.ts'
import { openAuctions } from './open-auctions.ts'
import { type PlanStepAnswer, planRow, planStep } from './plan-step.ts'

/** The most urgent ones; the others are for the plan after. */
const mostRequests = 1_000

/** Decides, once: what was decided first is what is told to the requests, however often the step is tried. */
export const handler = serveTask(planStep, async step => {
  const row = await planRow(step.plan_id)
  const made = row.state === 'planning' ? await make(row) : row
  if (made.state === 'reserving') await tell(made)
  return accept<PlanStepAnswer>({ plan_id: row.planId, polls: 0, is_done: false, wait_seconds: 0 })
})

const make = async (row: PlanRow): Promise<PlanRow> => {
  const nowMillis = Date.now()
  // What begins within the hour could not be booked by then.
  const nowHour = Math.floor(nowMillis / hourMillis) + 1
  const open = (await allocationsIn('open', { most: mostRequests })).filter(
    each => isOpen(each.state) && !each.isLapsed,
  )
  const requests = open.map(requestOf)
  const endHour = Math.max(nowHour + 1, ...requests.map(each => each.latestHour + each.durationHours))
  const askers = [...Map.groupBy(open, each => each.account)].flatMap(([account, own]) => {
    const [first] = own
    const regions = [...new Set(own.flatMap(each => each.regions))]
    return first === undefined ? [] : [{ account, lane: first.lane, regions }]
  })
  const hours = { firstHour: nowHour, endHour }
  const sources = [
    ...(await capacitySources(askers, hours, nowMillis)),
    ...(await futuresOnSale(askers, hours, nowMillis)),
    ...(await openAuctions(askers, hours)),
  ]
  const started = performance.now()
  const plan = planCapacity(requests, sources, nowHour, await loadSolver())
  metrics.addMetric('CapacityPlanMillis', MetricUnit.Milliseconds, performance.now() - started)
  metrics.addMetric('CapacityRequestsPlanned', MetricUnit.Count, requests.length)
  await putDecisions(row.planId, plan.decisions.map(decisionOf))
  const made: PlanRow = {
    ...row,
    state: 'reserving',
    updatedAtMillis: Math.max(Date.now(), row.updatedAtMillis + 1),
    madeAtMillis: nowMillis,
    requests: requests.length,
    served: plan.served,
    costMicros: plan.costMicros,
    certificate: plan.certificate,
  }
  if (!(await replacePlan(made, row))) throw new Error(`the plan ${row.planId} was made by another execution`)
  return made
}

/** What is left to plan: of one that has bought a part of it in a book, the rest, for the same hours in the same place. */
const requestOf = (row: AllocationRow): CapacityRequest => {
  const bought = boughtShares(row)
  const first = bought.find(({ units }) => units > 0)
  const whole: CapacityRequest = {
    allocationId: row.allocationId,
    account: row.account,
    need: {
      places: row.units,
      vector: vectorOf(row),
      ...(row.resourceClass !== undefined && { resourceClass: row.resourceClass }),
    },
    regions: row.regions,
    earliestHour: row.earliestStartMillis / hourMillis,
    latestHour: row.latestStartMillis / hourMillis,
    durationHours: row.durationHours,
    priority: row.priority,
    budgetMicros: Math.max(0, row.budgetMicros - boughtMicros(bought)),
    isPreemptible: row.isPreemptible,
    avoidedSources: row.avoidedSources,
    plansMissed: row.plansMissed,
    requestedAtMillis: row.requestedAtMillis,
  }
  if (first === undefined || row.startMillis === undefined) return whole
  const startHour = row.startMillis / hourMillis
  return {
    ...whole,
    need: {
      ...whole.need,
      resourceClass: first.resourceClass,
      places: Math.max(1, row.units - boughtPlaces(row, bought)),
    },
    regions: [first.region],
    earliestHour: startHour,
    latestHour: startHour,
  }
}

const decisionOf = ({ allocationId, account, served, boundBy, explanation }: PlanDecision): DecisionRow => ({
  allocationId,
  account,
  boundBy,
  explanation,
  ...(served !== undefined && {
    served: {
      startMillis: served.startHour * hourMillis,
      endMillis: served.endHour * hourMillis,
      costMicros: served.costMicros,
      shares: served.shares.map(
        ({ source, units }): AllocationShare => ({
          kind: source.kind,
          sourceId: source.sourceId,
          ...(source.provider !== undefined && { provider: source.provider }),
          resourceClass: source.resourceClass,
          region: source.region,
          units,
          priceMicrosPerUnitHour: source.priceMicrosPerUnitHour,
          ...(source.kind === 'inventory' && { lotId: source.sourceId }),
          ...(source.bid !== undefined && { bid: source.bid }),
          ...(source.order !== undefined && { order: { ...source.order, orderId: uuidv7() } }),
        }),
      ),
    },
  }),
})

const sideBySide = 16

/** Each request hears of it in its own row; one that was cancelled meanwhile, or is told already, stays as it is. */
const tell = async ({ planId, madeAtMillis = 0 }: PlanRow): Promise<void> => {
  const decisions = await decisionsOf(planId)
  for (let at = 0; at < decisions.length; at += sideBySide)
    await Promise.all(
      decisions.slice(at, at + sideBySide).map(async ({ allocationId, served, explanation }) => {
        const row = await getAllocation(allocationId)
        if (row === undefined || !isOpen(row.state) || row.planId === planId) return
        const decided = { planId, plannedAtMillis: madeAtMillis, explanation }
        if (served === undefined) {
          await changeAllocation(row, { ...decided, state: 'unmet', plansMissed: row.plansMissed + 1 })
          return
        }
        const { startMillis, endMillis, costMicros, shares } = served
        const bought = boughtShares(row)
        await changeAllocation(unplanned(row), {
          ...decided,
          state: 'planned',
          startMillis,
          endMillis,
          costMicros: costMicros + boughtMicros(bought),
          shares: [...bought, ...shares],
        })
      }),
    )
}
