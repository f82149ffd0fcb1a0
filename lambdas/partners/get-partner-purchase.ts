import { getPurchase } from '#adapters/tables/partner-purchases.ts'
import type { getPartnerPurchase } from '#protocol/operations/partners.ts'
import type { Handle } from '../shell/http.ts'
import { purchaseView } from './partner-views.ts'

export const handle: Handle<typeof getPartnerPurchase> = async ({ path, principal }) => {
  const row = await getPurchase(principal.account, path.purchase_id)
  return row === undefined ? { code: 'not-found' } : { status: 200, body: purchaseView(row) }
}
