import type { cancelOrderByClientOrderId } from '#protocol/operations/trading.ts'
import type { Handle } from '../shell/http.ts'
import { cancellingOf, changeOrder } from './change-order.ts'
import { orderOfClient } from './order-view.ts'

export const handle: Handle<typeof cancelOrderByClientOrderId> = async ({ query, ...request }) =>
  changeOrder(
    'cancel-order',
    { ...request, find: trader => orderOfClient(trader, query.client_order_id), body: null },
    cancellingOf,
  )
