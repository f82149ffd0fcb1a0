import type { getOrderByClientOrderId } from '#protocol/operations/trading.ts'
import type { Handle } from '../shell/http.ts'
import { orderOfClient } from './order-view.ts'
import { findAmong, tradersOf } from './trader.ts'

export const handle: Handle<typeof getOrderByClientOrderId> = async ({ query, principal }) => {
  const traders = await tradersOf(principal)
  if (traders.length === 0) return { code: 'account-not-open' }
  const known = await findAmong(traders, trader => orderOfClient(trader, query.client_order_id))
  return known === undefined ? { code: 'unknown-order' } : { status: 200, body: known.found.order }
}
