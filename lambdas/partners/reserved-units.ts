import type { Reservation } from '#adapters/clients/partner.ts'
import { getLot, type MovedUnits } from '#adapters/tables/partner-inventory.ts'
import type { PurchaseRow } from '#adapters/tables/partner-purchases.ts'
import { hoursIn } from '#domain/partners/inventory.ts'

/** The units of a lot that a purchase takes. */
export const movedOf = async (row: PurchaseRow, lotId: string): Promise<MovedUnits> => {
  const lot = await getLot(lotId)
  if (lot === undefined) throw new Error(`${row.purchaseId} takes from the lot ${lotId}, which is not there`)
  return { lot, window: row, units: row.units, reservationId: row.purchaseId }
}

/** What the partner's service is asked for. */
export const reservationOf = (row: PurchaseRow): Reservation => ({
  reservationId: row.purchaseId,
  offerId: row.offerId,
  units: row.units,
  window: row,
  priceMicrosPerUnitHour: pricePaid(row),
})

/** Per unit and hour, rounded up to a micro. */
export const pricePaid = (row: PurchaseRow): number => Math.ceil(row.costMicros / (row.units * hoursIn(row)))
