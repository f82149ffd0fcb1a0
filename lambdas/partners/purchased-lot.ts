import type { LotRow } from '#adapters/tables/partner-inventory.ts'
import type { PurchaseRow } from '#adapters/tables/partner-purchases.ts'
import { lotIdOf } from './purchase-step.ts'
import { pricePaid } from './reserved-units.ts'

/** What a purchase comes to in the inventory. */
export const purchasedLot = (row: PurchaseRow, nowMillis: number): LotRow => ({
  lotId: lotIdOf(row),
  kind: 'purchase',
  state: 'open',
  account: row.account,
  accountId: row.accountId,
  lane: row.lane,
  provider: row.provider,
  resourceClass: row.resourceClass,
  region: row.region,
  vector: row.vector,
  units: row.units,
  fromMillis: row.fromMillis,
  untilMillis: row.untilMillis,
  priceMicrosPerUnitHour: pricePaid(row),
  reference: row.purchaseId,
  createdAtMillis: nowMillis,
})
