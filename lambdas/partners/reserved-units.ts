import type { Reservation } from '#adapters/clients/partner.ts'
import { getLot, type MovedUnits } from '#adapters/tables/partner-inventory.ts'
import type { PurchasePart } from '#adapters/tables/partner-purchases.ts'
import { hoursIn } from '#domain/partners/inventory.ts'

/** The units of a lot that a part of a purchase takes. */
export const movedOf = async (part: PurchasePart, lotId: string, reservationId: string): Promise<MovedUnits> => {
  const lot = await getLot(lotId)
  if (lot === undefined) throw new Error(`${reservationId} takes from the lot ${lotId}, which is not there`)
  return { lot, window: part, units: part.units, reservationId }
}

/** What the partner's service is asked for. */
export const reservationOf = (part: PurchasePart, reservationId: string): Reservation => ({
  reservationId,
  offerId: part.offerId,
  units: part.units,
  window: part,
  priceMicrosPerUnitHour: pricePaid(part),
})

/** Per unit and hour, rounded up to a micro. */
export const pricePaid = (part: PurchasePart): number => Math.ceil(part.costMicros / (part.units * hoursIn(part)))
