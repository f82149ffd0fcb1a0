import { v7 as uuidv7 } from 'uuid'
import type { cancelOrder } from '#protocol/operations/trading.ts'
import type { Handle } from '../shell/http.ts'
import { changeOrder } from './change-order.ts'

export const handle: Handle<typeof cancelOrder> = async ({ path, principal, idempotencyKey, headers, admitted }) =>
  changeOrder(
    'cancel-order',
    { principal, orderId: path.order_id, body: null, idempotencyKey, headers, admitted },
    async (_, { accountId }) => ({ type: 'cancel-order', commandId: uuidv7(), accountId, orderId: path.order_id }),
  )
