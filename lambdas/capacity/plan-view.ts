import type * as z from 'zod'
import { getAllocation } from '#adapters/tables/capacity-allocations.ts'
import { type DecisionRow, decisionsOf, type PlanRow } from '#adapters/tables/capacity-plans.ts'
import { isBooked, isOpen } from '#domain/capacity/allocation.ts'
import type { PlanCertificate } from '#domain/capacity/plan-capacity.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { capacityPlan } from '#protocol/operations/capacity.ts'
import { shareView } from './allocation-view.ts'

type PlanView = z.infer<typeof capacityPlan>
const instant = (millis: number): string => new Date(millis).toISOString()

/** With what it has decided for one account. */
export const planView = async (row: PlanRow, account: string): Promise<PlanView> => {
  const isMade = row.madeAtMillis !== undefined
  const own = isMade ? (await decisionsOf(row.planId)).filter(each => each.account === account) : []
  return {
    plan_id: row.planId,
    plan_state: row.state,
    requested_at: instant(row.requestedAtMillis),
    made_at: row.madeAtMillis === undefined ? null : instant(row.madeAtMillis),
    failure: row.failure ?? null,
    requests: row.requests,
    served: row.served,
    unmet: row.requests - row.served,
    cost: isMade ? decimalOfMicros(row.costMicros) : null,
    certificate: row.certificate === undefined ? null : certificateView(row.certificate, row.costMicros),
    decisions: await Promise.all(own.map(each => decisionView(row.planId, each))),
  }
}

const usd = (value: number): string => value.toFixed(6)

const certificateView = (
  { objective, bound, gap, relativeGap, isOptimal, nodes, iterations, options, columns }: PlanCertificate,
  costMicros: number,
): NonNullable<PlanView['certificate']> => ({
  objective: usd(objective),
  bound: usd(bound),
  gap: usd(gap),
  relative_gap: relativeGap,
  gap_of_cost: costMicros === 0 ? null : (gap * 1_000_000) / costMicros,
  is_optimal: isOptimal,
  nodes,
  iterations,
  options,
  columns,
})

const decisionView = async (
  planId: string,
  { allocationId, served, boundBy, explanation }: DecisionRow,
): Promise<PlanView['decisions'][number]> => ({
  allocation_id: allocationId,
  decision: served === undefined ? 'unmet' : 'served',
  start: served === undefined ? null : instant(served.startMillis),
  end: served === undefined ? null : instant(served.endMillis),
  cost: served === undefined ? null : decimalOfMicros(served.costMicros),
  shares: (served?.shares ?? []).map(shareView),
  bound_by: boundBy,
  explanation,
  booking: served === undefined ? 'not_booked' : await bookingOf(planId, allocationId),
})

const bookingOf = async (planId: string, allocationId: string): Promise<PlanView['decisions'][number]['booking']> => {
  const row = await getAllocation(allocationId)
  if (row === undefined || row.planId !== planId) return 'not_booked'
  if (row.state === 'planned' || row.state === 'bidding') return 'waiting'
  // What waits again may keep what it has bought in a book.
  if (isOpen(row.state)) return 'not_booked'
  return isBooked(row.state) || row.state === 'completed' || row.state === 'preempted' || row.shares.length > 0
    ? 'booked'
    : 'not_booked'
}
