import { getDeliveryDetail } from '#adapters/tables/deliveries.ts'
import type { getDelivery } from '#protocol/operations/delivery.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { deliveryDetailOf } from './delivery-view.ts'

/** Another's delivery is as one that is not there. */
export const handle: Handle<typeof getDelivery> = async ({ path, principal }) => {
  const [detail, trader] = await Promise.all([getDeliveryDetail(path.delivery_id), traderOf(principal)])
  if (detail === undefined || trader === undefined || trader.lane !== detail.head.lane) return { code: 'not-found' }
  const { buyAccountId, sellAccountId } = detail.head
  if (trader.accountId === buyAccountId) return { status: 200, body: deliveryDetailOf(detail, 'buyer') }
  if (trader.accountId === sellAccountId) return { status: 200, body: deliveryDetailOf(detail, 'seller') }
  return { code: 'not-found' }
}
