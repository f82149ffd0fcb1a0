import type { cancelOrder } from '#protocol/operations/trading.ts'
import type { Handle } from '../shell/http.ts'
import { cancellingOf, changeOrder } from './change-order.ts'
import { knownOrder } from './order-view.ts'

export const handle: Handle<typeof cancelOrder> = async ({ path, ...request }) =>
  changeOrder(
    'cancel-order',
    { ...request, find: trader => knownOrder(trader, path.order_id), body: null },
    cancellingOf,
  )
