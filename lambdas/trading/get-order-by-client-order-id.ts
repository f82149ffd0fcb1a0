import type { getOrderByClientOrderId } from '#protocol/operations/trading.ts'
import type { Handle } from '../shell/http.ts'
import { orderOfClient } from './order-view.ts'
import { traderOf } from './trader.ts'

export const handle: Handle<typeof getOrderByClientOrderId> = async ({ query, principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const known = await orderOfClient(trader, query.client_order_id)
  return known === undefined ? { code: 'unknown-order' } : { status: 200, body: known.order }
}
