import type { AllocationRow, AllocationShare } from '#adapters/tables/capacity-allocations.ts'
import { getLot, type MovedUnits, moveUnits, withdrawReservation } from '#adapters/tables/partner-inventory.ts'
import { hourMillis } from '#domain/capacity/capacity-request.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'

type Hours = MovedUnits['window']

/** The same for each repeat, and another one where the request is planned again. */
const reservationIdOf = ({ allocationId, planId }: AllocationRow, share: number): string =>
  nameBasedUuid(`allocation#${allocationId}#${planId}#${share}`)

export const movedUnitsOf = async (
  row: AllocationRow,
  share: number,
  { lotId, units }: Pick<AllocationShare, 'lotId' | 'units'>,
): Promise<MovedUnits | undefined> => {
  const lot = lotId === undefined ? undefined : await getLot(lotId)
  return lot === undefined
    ? undefined
    : { lot, window: hoursOf(row), units, reservationId: reservationIdOf(row, share) }
}

const hoursOf = ({ startMillis = 0, endMillis = 0 }: AllocationRow): Hours => ({
  fromMillis: startMillis,
  untilMillis: endMillis,
})

/** Of what is planned: whether or not anything was reserved, nothing is, and nothing will be under these names. */
export const withdrawUnits = async (row: AllocationRow): Promise<void> => {
  for (const [index, share] of row.shares.entries()) {
    const moved = await movedUnitsOf(row, index, share)
    if (moved !== undefined) await withdrawReservation(moved)
  }
}

/**
 * Of what was reserved: the hours that are over count as delivered. The others are to be had again, but where whoever provides
 * them has taken them back.
 */
export const giveBackUnits = async (row: AllocationRow): Promise<void> => {
  const { fromMillis, untilMillis } = hoursOf(row)
  const rest = row.state === 'preempted' ? 'lose' : 'release'
  // As of when it was cancelled, so that it is the same however often it is tried.
  const cut = Math.min(untilMillis, Math.max(fromMillis, Math.ceil(row.updatedAtMillis / hourMillis) * hourMillis))
  for (const [index, share] of row.shares.entries()) {
    const moved = await movedUnitsOf(row, index, share)
    if (moved === undefined) continue
    if (cut > fromMillis) await moveUnits('deliver', { ...moved, window: { fromMillis, untilMillis: cut } })
    if (cut < untilMillis) await moveUnits(rest, { ...moved, window: { fromMillis: cut, untilMillis } })
  }
}

/** All of it was used, or could have been. */
export const deliverUnits = async (row: AllocationRow): Promise<void> => {
  for (const [index, share] of row.shares.entries()) {
    const moved = await movedUnitsOf(row, index, share)
    if (moved !== undefined) await moveUnits('deliver', moved)
  }
}
