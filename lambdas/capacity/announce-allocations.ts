import type { BusEvent } from '#adapters/bus.ts'
import { allocationOf } from '#adapters/tables/capacity-allocations.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'
import type { ItemChange } from '../shell/stream.ts'

/** Each change of state, and each plan that could not serve it. */
const eventOf = ({ now, before }: ItemChange): BusEvent | undefined => {
  const row = now === undefined ? undefined : allocationOf(now)
  if (row === undefined) return undefined
  const known = before === undefined ? undefined : allocationOf(before)
  if (known?.state === row.state && known.planId === row.planId && known.isLapsed === row.isLapsed) return undefined
  return {
    name: 'CapacityAllocationChanged.v1',
    detail: {
      event_id: `${row.allocationId}:${row.updatedAtMillis}`,
      lane: row.lane,
      timestamp: instantOf(row.updatedAtMillis),
      allocation_id: row.allocationId,
      account_id: row.accountId,
      service: row.service,
      allocation_state: row.state,
      previous_state: known?.state ?? null,
      is_final: row.isLapsed || ['completed', 'cancelled', 'preempted'].includes(row.state),
      plan_id: row.planId ?? null,
      explanation: row.explanation ?? null,
      start: row.startMillis === undefined ? null : instantOf(row.startMillis),
      end: row.endMillis === undefined ? null : instantOf(row.endMillis),
      cost: row.costMicros === undefined ? null : decimalOfMicros(row.costMicros),
      shares: row.shares.map(share => ({
        source_kind: share.kind,
        source_id: share.sourceId,
        lot_id: share.lotId ?? null,
        resource_class: share.resourceClass,
        region: share.region,
        units: share.units,
      })),
    },
  }
}

export const handler = serveAnnouncements(eventOf)
