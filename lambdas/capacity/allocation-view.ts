import type * as z from 'zod'
import type { AllocationRow, AllocationShare } from '#adapters/tables/capacity-allocations.ts'
import type { ResourceVector } from '#domain/capacity/capacity-source.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { capacityAllocation } from '#protocol/operations/capacity.ts'

const instant = (millis: number): string => new Date(millis).toISOString()
const orNull = <Value, Told>(value: Value | undefined, told: (value: Value) => Told): Told | null =>
  value === undefined ? null : told(value)

export const shareView = (share: AllocationShare) => ({
  source_kind: share.kind,
  source_id: share.sourceId,
  provider: share.provider ?? null,
  resource_class: share.resourceClass,
  region: share.region,
  units: share.units,
  price: decimalOfMicros(share.priceMicrosPerUnitHour),
  order_id: share.order?.orderId ?? null,
  bid_id: share.bid?.bidId ?? null,
})

/** What one unit must have. */
export const vectorOf = ({ resources }: Pick<AllocationRow, 'resources'>): ResourceVector => {
  const vector: ResourceVector = JSON.parse(resources)
  return vector
}

export const allocationView = (row: AllocationRow): z.infer<typeof capacityAllocation> => {
  const { gpus, vcpus, memoryGib, storageTib } = vectorOf(row)
  return {
    allocation_id: row.allocationId,
    allocation_state: row.state,
    service: row.service,
    resource_class: row.resourceClass ?? null,
    units: row.units,
    resources: { gpus, vcpus, memory_gib: memoryGib, storage_tib: storageTib },
    regions: [...row.regions],
    earliest_start: instant(row.earliestStartMillis),
    latest_start: instant(row.latestStartMillis),
    window_end: instant(row.windowEndMillis),
    duration_hours: row.durationHours,
    flexibility: row.flexibility,
    priority: row.priority,
    budget: decimalOfMicros(row.budgetMicros),
    preemptible: row.isPreemptible,
    requested_at: instant(row.requestedAtMillis),
    updated_at: instant(row.updatedAtMillis),
    plan_id: row.planId ?? null,
    explanation: row.explanation ?? null,
    start: orNull(row.startMillis, instant),
    end: orNull(row.endMillis, instant),
    cost: orNull(row.costMicros, decimalOfMicros),
    shares: row.shares.map(shareView),
    plans_missed: row.plansMissed,
  }
}
