import type { getOrder } from '#protocol/operations/trading.ts'
import type { Handle } from '../shell/http.ts'
import { knownOrder } from './order-view.ts'
import { traderOf } from './trader.ts'

export const handle: Handle<typeof getOrder> = async ({ path, principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const known = await knownOrder(trader, path.order_id)
  return known === undefined ? { code: 'unknown-order' } : { status: 200, body: known.order }
}
