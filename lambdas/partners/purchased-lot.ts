import type { LotRow } from '#adapters/tables/partner-inventory.ts'
import type { PurchaseRow } from '#adapters/tables/partner-purchases.ts'
import { openLot } from './open-lot.ts'
import { lotIdOf } from './purchase-step.ts'
import { pricePaid } from './reserved-units.ts'

/** What a purchase comes to in the inventory: a lot for each part. */
export const purchasedLots = (row: PurchaseRow, nowMillis: number): readonly LotRow[] =>
  row.parts.map((part, index) =>
    openLot(
      row,
      { ...part, priceMicrosPerUnitHour: pricePaid(part) },
      { lotId: lotIdOf(row, index), kind: 'purchase', reference: row.purchaseId, createdAtMillis: nowMillis },
    ),
  )
