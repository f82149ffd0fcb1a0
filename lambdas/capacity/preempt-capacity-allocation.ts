import { getAllocation } from '#adapters/tables/capacity-allocations.ts'
import { mayBecome } from '#domain/capacity/allocation.ts'
import type { preemptCapacityAllocation } from '#protocol/operations/capacity.ts'
import type { Handle } from '../shell/http.ts'
import { allocationView } from './allocation-view.ts'
import { released } from './cancel-capacity-allocation.ts'
import { changeAllocation } from './change-allocation.ts'

/**
 * What is left of its hours expires: whoever took them back has them. That it is preempted is stored first: what breaks off there
 * the sweep goes on with.
 */
export const handle: Handle<typeof preemptCapacityAllocation> = async ({ path, body }) => {
  const row = await getAllocation(path.allocation_id)
  if (row === undefined) return { code: 'not-found' }
  if (row.state === 'preempted') return { status: 200, body: allocationView(row) }
  if (row.state === 'planned') return { code: 'allocation-being-booked' }
  if (!mayBecome(row.state, 'preempted')) return { code: 'allocation-over' }
  if (!row.isPreemptible) return { code: 'allocation-not-preemptible' }
  const preempted = await changeAllocation(row, {
    state: 'preempted',
    explanation: `Preempted: ${body.reason}`,
    isReleasing: true,
  })
  return preempted === undefined
    ? { code: 'allocation-being-booked' }
    : { status: 200, body: allocationView(await released(preempted)) }
}
