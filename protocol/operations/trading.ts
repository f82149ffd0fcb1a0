import * as z from 'zod'
import { orderTypes, timesInForce } from '#domain/trading/commands.ts'
import { operation } from '../operation.ts'
import {
  decimalText,
  instant,
  instrumentName,
  orderId,
  pageOf,
  pageQuery,
  positiveDecimalText,
  requestName,
} from '../values.ts'

const direction = z.enum(['buy', 'sell'])
const orderState = z.enum(['pending', 'open', 'filled', 'rejected', 'cancelled'])

export const order = z
  .object({
    order_id: orderId,
    client_order_id: z.string().nullable(),
    instrument_name: z.string(),
    direction,
    amount: decimalText,
    price: decimalText.nullable().meta({ description: 'Limit price; null for a market order that never had one' }),
    order_type: z.enum(orderTypes),
    time_in_force: z.enum(timesInForce),
    order_state: orderState,
    filled_amount: decimalText,
    average_price: decimalText.nullable(),
    reject_reason: z.string().nullable(),
    cancel_reason: z.string().nullable(),
    creation_timestamp: instant,
    last_update_timestamp: instant,
  })
  .meta({ id: 'Order' })
export type Order = z.infer<typeof order>

const acceptedOrder = { description: 'Taken by the order stream; read it, or ask with Prefer: wait', schema: order }
const outcomeOrder = { description: 'The outcome (with Prefer: wait=<seconds>)', schema: order }
const orderPath = z.strictObject({ order_id: orderId })

export const placeOrder = operation({
  context: 'trading',
  name: 'place-order',
  method: 'POST',
  path: '/api/v1/orders',
  permission: 'orders:write',
  summary: 'Place an order',
  description:
    'Answers 202 once the order stream has acknowledged the order. With `Prefer: wait=2` waits up to so many seconds for the outcome and answers it with 200. The same client_order_id (or Idempotency-Key) with the same body gives the first answer again.',
  idempotency: 'client_order_id',
  admission: 'handler',
  request: {
    body: z.strictObject({
      instrument_name: instrumentName,
      direction,
      amount: positiveDecimalText,
      order_type: z.enum(['limit', 'market']).default('limit'),
      price: positiveDecimalText.optional(),
      time_in_force: z.enum(['good_til_cancelled', 'immediate_or_cancel']).optional(),
      client_order_id: requestName.optional(),
    }),
  },
  responses: { 202: acceptedOrder, 200: outcomeOrder },
  rejections: [
    'account-not-open',
    'unknown-instrument',
    'instrument-in-other-lane',
    'instrument-not-open',
    'price-off-tick',
    'amount-off-lot',
    'price-out-of-range',
    'amount-out-of-range',
    'idempotency-key-required',
    'idempotency-conflict',
  ],
})

export const getOrder = operation({
  context: 'trading',
  name: 'get-order',
  method: 'GET',
  path: '/api/v1/orders/{order_id}',
  permission: 'orders:read',
  summary: 'Read one of your orders',
  request: { path: orderPath },
  responses: { 200: { description: 'The order', schema: order } },
  rejections: ['account-not-open', 'unknown-order'],
})

export const listOrders = operation({
  context: 'trading',
  name: 'list-orders',
  method: 'GET',
  path: '/api/v1/orders',
  permission: 'orders:read',
  summary: 'List your orders, newest first',
  weight: 2,
  request: {
    query: z.strictObject({
      ...pageQuery,
      instrument_name: instrumentName.optional(),
      order_state: z.enum(['open', 'filled', 'rejected', 'cancelled']).optional(),
    }),
  },
  responses: { 200: { description: 'A page of orders', schema: pageOf(order) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

export const amendOrder = operation({
  context: 'trading',
  name: 'amend-order',
  method: 'PATCH',
  path: '/api/v1/orders/{order_id}',
  permission: 'orders:write',
  summary: 'Change the amount or the price of an open order',
  description:
    'A smaller amount at the same price keeps priority; any other change loses it. amount is the new total, what is filled already included.',
  admission: 'handler',
  request: {
    path: orderPath,
    body: z
      .strictObject({ amount: positiveDecimalText.optional(), price: positiveDecimalText.optional() })
      .refine(({ amount, price }) => amount !== undefined || price !== undefined, 'amount or price is required'),
  },
  responses: { 202: acceptedOrder, 200: outcomeOrder },
  rejections: [
    'account-not-open',
    'unknown-order',
    'order-closed',
    'instrument-not-open',
    'amount-below-filled',
    'insufficient-funds',
    'notional-too-large',
    'price-off-tick',
    'amount-off-lot',
    'price-out-of-range',
    'amount-out-of-range',
    'idempotency-conflict',
  ],
})

export const cancelOrder = operation({
  context: 'trading',
  name: 'cancel-order',
  method: 'DELETE',
  path: '/api/v1/orders/{order_id}',
  permission: 'orders:write',
  summary: 'Cancel an open order',
  weight: 0.1,
  usesReserve: true,
  admission: 'handler',
  request: { path: orderPath },
  responses: { 202: acceptedOrder, 200: outcomeOrder },
  rejections: ['account-not-open', 'unknown-order', 'order-closed', 'idempotency-conflict'],
})

export const trade = z
  .object({
    trade_id: z.string(),
    order_id: orderId,
    instrument_name: z.string(),
    direction,
    price: decimalText,
    amount: decimalText,
    fee: decimalText,
    fee_currency: z.literal('USD'),
    liquidity: z.enum(['maker', 'taker']),
    timestamp: instant,
  })
  .meta({ id: 'Trade' })

export const listTrades = operation({
  context: 'trading',
  name: 'list-trades',
  method: 'GET',
  path: '/api/v1/trades',
  permission: 'trades:read',
  summary: 'List your own fills, newest first',
  weight: 2,
  request: {
    query: z.strictObject({
      ...pageQuery,
      instrument_name: instrumentName.optional(),
      order_id: orderId.optional(),
    }),
  },
  responses: { 200: { description: 'A page of fills', schema: pageOf(trade) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

export const tradingOperations = [placeOrder, getOrder, listOrders, amendOrder, cancelOrder, listTrades] as const
