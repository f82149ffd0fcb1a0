import type { DeliveryRow } from '#adapters/tables/deliveries.ts'
import { lotsIn } from '#domain/settlement/physical-delivery.ts'

/** The next attempt to have the open part provisioned: from now on something may be reserved for it. */
export const nominate = (row: DeliveryRow) => {
  const attempt = row.attempt + 1
  return {
    change: { attempt, claims: [...row.claims, { attempt, isReleased: false }] },
    told: { state: 'nominated', lots: lotsIn(row.parts, 'open') },
  } as const
}
