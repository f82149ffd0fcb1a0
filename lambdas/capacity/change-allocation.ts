import { type AllocationRow, replaceAllocation } from '#adapters/tables/capacity-allocations.ts'
import { mayBecome } from '#domain/capacity/allocation.ts'
import { boughtMicros, boughtShares } from './bought-shares.ts'

/** The row as it is from then on; undefined where somebody else has changed it since it was read. */
export const changeAllocation = async (
  row: AllocationRow,
  changes: Partial<Omit<AllocationRow, 'updatedAtMillis'>>,
): Promise<AllocationRow | undefined> => {
  const state = changes.state ?? row.state
  if (state !== row.state && !mayBecome(row.state, state))
    throw new Error(`${row.allocationId} is ${row.state} and may not become ${state}`)
  const changed = { ...row, ...changes, updatedAtMillis: Math.max(Date.now(), row.updatedAtMillis + 1) }
  return (await replaceAllocation(changed, row)) ? changed : undefined
}

/**
 * Of a request that waits again: nothing of what was planned stays but what was bought in a book and has cost, and, where that is
 * any whole unit, its hours.
 */
export const unplanned = (row: AllocationRow): AllocationRow => {
  const bought = boughtShares(row)
  const { startMillis, endMillis, costMicros: _, ...kept } = row
  return {
    ...kept,
    ...(bought.length > 0 && { costMicros: boughtMicros(bought) }),
    ...(bought.some(({ units }) => units > 0) &&
      startMillis !== undefined &&
      endMillis !== undefined && { startMillis, endMillis }),
    shares: bought,
    isOrdering: false,
  }
}
