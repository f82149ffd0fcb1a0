import { tradingOperations } from '#protocol/operations/trading.ts'
import { serve } from '../shell/serve.ts'
import * as amendOrder from './amend-order.ts'
import * as cancelOrder from './cancel-order.ts'
import * as getOrder from './get-order.ts'
import * as listOrders from './list-orders.ts'
import * as listTrades from './list-trades.ts'
import * as placeOrder from './place-order.ts'

export const handler = serve('trading', tradingOperations, {
  'place-order': placeOrder.handle,
  'get-order': getOrder.handle,
  'list-orders': listOrders.handle,
  'amend-order': amendOrder.handle,
  'cancel-order': cancelOrder.handle,
  'list-trades': listTrades.handle,
})
