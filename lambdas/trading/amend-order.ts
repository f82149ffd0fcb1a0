import type { amendOrder } from '#protocol/operations/trading.ts'
import type { Handle } from '../shell/http.ts'
import { amendmentOf } from './amendment.ts'
import { changeOrder } from './change-order.ts'
import { knownOrder } from './order-view.ts'

export const handle: Handle<typeof amendOrder> = async ({ path, body, ...request }) =>
  changeOrder('amend-order', { ...request, find: trader => knownOrder(trader, path.order_id), body }, (known, trader) =>
    amendmentOf(trader, known, body),
  )
