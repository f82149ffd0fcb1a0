import type { amendOrderByClientOrderId } from '#protocol/operations/trading.ts'
import type { Handle } from '../shell/http.ts'
import { amendmentOf } from './amendment.ts'
import { changeOrder } from './change-order.ts'
import { orderOfClient } from './order-view.ts'

export const handle: Handle<typeof amendOrderByClientOrderId> = async ({ query, body, ...request }) =>
  changeOrder(
    'amend-order',
    { ...request, find: trader => orderOfClient(trader, query.client_order_id), body },
    (known, trader) => amendmentOf(trader, known, body),
  )
