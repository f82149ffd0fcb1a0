import { getAllocation } from '#adapters/tables/capacity-allocations.ts'
import type { getCapacityAllocation } from '#protocol/operations/capacity.ts'
import type { Handle } from '../shell/http.ts'
import { allocationView } from './allocation-view.ts'

export const handle: Handle<typeof getCapacityAllocation> = async ({ path, principal }) => {
  const row = await getAllocation(path.allocation_id)
  if (row === undefined || row.account !== principal.account) return { code: 'not-found' }
  return { status: 200, body: allocationView(row) }
}
