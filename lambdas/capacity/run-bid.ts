import type { AllocationRow } from '#adapters/tables/capacity-allocations.ts'
import { hourMillis } from '#domain/capacity/capacity-request.ts'

/** What a bid for a run is called, and which hours of its date it is for. */

const hoursOfDay = 24
export const blockName = 'run'
/** Of each try: the next one asks again. */
export const waits = { prefer: 'wait=2' }

/** The same however often it is placed; another one where the request is planned again. */
export const bidNameOf = ({ allocationId, planId }: AllocationRow): string => `capacity-${allocationId}-${planId}`

export const hoursOf = ({ startMillis = 0, endMillis = 0 }: AllocationRow): readonly number[] =>
  Array.from(
    { length: (endMillis - startMillis) / hourMillis },
    (_, at) => (startMillis / hourMillis + at) % hoursOfDay,
  )
