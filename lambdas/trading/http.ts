import { tradingOperations } from '#protocol/operations/trading.ts'
import { serve } from '../shell/serve.ts'
import * as amendOrder from './amend-order.ts'
import * as amendOrderByClientOrderId from './amend-order-by-client-order-id.ts'
import * as cancelOrder from './cancel-order.ts'
import * as cancelOrderByClientOrderId from './cancel-order-by-client-order-id.ts'
import * as cancelOrders from './cancel-orders.ts'
import * as getCancellation from './get-cancellation.ts'
import * as getOrder from './get-order.ts'
import * as getOrderByClientOrderId from './get-order-by-client-order-id.ts'
import * as listOrders from './list-orders.ts'
import * as listTrades from './list-trades.ts'
import * as placeOrder from './place-order.ts'
import * as submitBatch from './submit-batch.ts'

export const handler = serve('trading', tradingOperations, {
  'place-order': placeOrder.handle,
  'get-order': getOrder.handle,
  'list-orders': listOrders.handle,
  'amend-order': amendOrder.handle,
  'cancel-order': cancelOrder.handle,
  'get-order-by-client-order-id': getOrderByClientOrderId.handle,
  'amend-order-by-client-order-id': amendOrderByClientOrderId.handle,
  'cancel-order-by-client-order-id': cancelOrderByClientOrderId.handle,
  'cancel-orders': cancelOrders.handle,
  'get-cancellation': getCancellation.handle,
  'submit-batch': submitBatch.handle,
  'list-trades': listTrades.handle,
})
