import type { PurchaseRow } from '#adapters/tables/partner-purchases.ts'
import { startWorkflow } from '#adapters/workflows.ts'

/** Once for each attempt. */
export const startPurchase = ({ account, purchaseId, attempt }: PurchaseRow): Promise<boolean> =>
  startWorkflow('partner-purchase', `${purchaseId}-${attempt}`, {
    account,
    purchase_id: purchaseId,
    polls: 0,
    next: 'hold',
    wait_seconds: 0,
  })
