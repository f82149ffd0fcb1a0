import { type AllocationRow, getAllocation, replaceAllocation } from '#adapters/tables/capacity-allocations.ts'
import { isBooked, mayBecome } from '#domain/capacity/allocation.ts'
import type { cancelCapacityAllocation } from '#protocol/operations/capacity.ts'
import type { Handle } from '../shell/http.ts'
import { allocationView } from './allocation-view.ts'
import { giveBackUnits } from './booked-units.ts'
import { changeAllocation, unplanned } from './change-allocation.ts'
import { withdrawBidFor } from './withdrawn-bids.ts'

const mostTries = 3

/** That it is cancelled is stored before anything is given back: what breaks off there the sweep goes on with. */
export const handle: Handle<typeof cancelCapacityAllocation> = async ({ path, principal }) => {
  for (let tries = 0; tries < mostTries; tries++) {
    const row = await getAllocation(path.allocation_id)
    if (row === undefined || row.account !== principal.account) return { code: 'not-found' }
    if (row.state === 'cancelled') return { status: 200, body: allocationView(row) }
    if (row.state === 'planned') return { code: 'allocation-being-booked' }
    if (row.state === 'bidding') {
      const withdrawn = await withdrawBidFor(row)
      if (withdrawn === 'gate-closed') return { code: 'gate-closed', detail: 'Its bid is in the auction.' }
      if (withdrawn === 'unknown') return { code: 'allocation-being-booked' }
    }
    if (!mayBecome(row.state, 'cancelled') || row.isLapsed) return { code: 'allocation-over' }
    const given = row.state === 'bidding' ? unplanned(row) : row
    const cancelled = await changeAllocation(given, { state: 'cancelled', isReleasing: isBooked(row.state) })
    if (cancelled !== undefined) return { status: 200, body: allocationView(await released(cancelled)) }
  }
  return { code: 'allocation-being-booked' }
}

/** As it is once its units are given back. */
export const released = async (row: AllocationRow): Promise<AllocationRow> => {
  if (!row.isReleasing) return row
  await giveBackUnits(row)
  // The instant stays: what is given back follows from it.
  const done = { ...row, isReleasing: false }
  await replaceAllocation(done, row)
  return done
}
