import type { PurchasePart } from '#adapters/tables/partner-purchases.ts'
import { decimalOfMicros } from '#domain/units.ts'

/** As the HTTP API and the bus tell it. */
export const purchasePartView = (part: PurchasePart) => ({
  offer_id: part.offerId,
  provider: part.provider,
  resource_class: part.resourceClass,
  region: part.region,
  pricing: part.pricing,
  units: part.units,
  starts_at: new Date(part.fromMillis).toISOString(),
  ends_at: new Date(part.untilMillis).toISOString(),
  cost: decimalOfMicros(part.costMicros),
})
