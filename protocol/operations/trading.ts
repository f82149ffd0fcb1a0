import * as z from 'zod'
import { directions, orderTypes, selfTradePreventions, timesInForce, triggers } from '#domain/trading/commands.ts'
import { operation } from '../operation.ts'
import { checkOrderRequest, orderRequestFields } from '../order-request.ts'
import {
  decimalText,
  instant,
  instrumentName,
  lane,
  orderId,
  pageOf,
  pageQuery,
  positiveDecimalText,
  requestName,
} from '../values.ts'

const direction = z.enum(directions)
const laneQuery = z
  .string()
  .regex(/^[1-9][0-9]{0,4}$/, 'must be the number of a lane')
  .optional()
  .meta({ description: 'Of a lane that the account has joined; its home unless told', examples: ['1'] })
/** As the engine has left them; `pending` is what it has not heard of yet. */
const orderStates = ['untriggered', 'open', 'filled', 'rejected', 'cancelled'] as const

export const order = z
  .object({
    order_id: orderId,
    client_order_id: z.string().nullable(),
    instrument_name: z.string(),
    direction,
    amount: decimalText,
    price: decimalText.nullable().meta({
      description: 'Limit price, as it slid where it is post-only; null for an order at market, which never had one',
    }),
    order_type: z.enum(orderTypes),
    time_in_force: z.enum(timesInForce),
    expires_at: instant
      .nullable()
      .meta({ description: 'Of good_til_date and day; null while it is pending for the day' }),
    order_state: z.enum(['pending', ...orderStates]).meta({
      description: 'pending: on its way to the engine. untriggered: a stop that waits for its trigger',
    }),
    filled_amount: decimalText,
    average_price: decimalText.nullable(),
    display_amount: decimalText.nullable().meta({ description: 'Of an iceberg' }),
    trigger: z.enum(triggers).nullable().meta({ description: 'Of a stop' }),
    trigger_price: decimalText.nullable(),
    triggered_at: instant.nullable(),
    post_only: z.boolean(),
    reject_post_only: z.boolean(),
    reduce_only: z.boolean(),
    label: z.string().nullable(),
    self_trade_prevention: z.enum(selfTradePreventions),
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
/** In the query, since a name may hold what a path cannot. */
const clientOrder = z.strictObject({
  client_order_id: requestName.meta({ description: 'As it was placed, at most 30 days ago' }),
})

const terms = { amount: positiveDecimalText.optional(), price: positiveDecimalText.optional() }
const hasTerms = ({ amount, price }: { readonly amount?: unknown; readonly price?: unknown }): boolean =>
  amount !== undefined || price !== undefined
const amendment = z.strictObject(terms).refine(hasTerms, 'amount or price is required')
const amendRejections = [
  'account-not-open',
  'unknown-order',
  'order-closed',
  'instrument-not-open',
  'instrument-halted',
  'amount-below-filled',
  'insufficient-funds',
  'insufficient-margin',
  'exposure-too-large',
  'notional-too-large',
  'price-off-tick',
  'amount-off-lot',
  'price-out-of-range',
  'price-outside-band',
  'post-only-would-trade',
  'amount-out-of-range',
  'kill-switch-on',
  'idempotency-conflict',
] as const
const cancelRejections = ['account-not-open', 'unknown-order', 'order-closed', 'idempotency-conflict'] as const
const amendDescription =
  'A smaller amount at the same price keeps priority; any other change loses it. amount is the new total, what is filled already included.'
const cancelWeight = 0.1

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
    body: z.strictObject(orderRequestFields).superRefine(checkOrderRequest),
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
    'lane-behind',
    'lane-halted',
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
      order_state: z
        .enum([...orderStates, 'closed'])
        .optional()
        .meta({ description: 'closed: filled, rejected or cancelled' }),
      direction: direction.optional(),
      label: requestName.optional(),
      lane: laneQuery,
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
  description: amendDescription,
  admission: 'handler',
  request: {
    path: orderPath,
    body: amendment,
  },
  responses: { 202: acceptedOrder, 200: outcomeOrder },
  rejections: amendRejections,
})

export const cancelOrder = operation({
  context: 'trading',
  name: 'cancel-order',
  method: 'DELETE',
  path: '/api/v1/orders/{order_id}',
  permission: 'orders:write',
  summary: 'Cancel an open order',
  weight: cancelWeight,
  usesReserve: true,
  admission: 'handler',
  request: { path: orderPath },
  responses: { 202: acceptedOrder, 200: outcomeOrder },
  rejections: cancelRejections,
})

export const getOrderByClientOrderId = operation({
  context: 'trading',
  name: 'get-order-by-client-order-id',
  method: 'GET',
  path: '/api/v1/orders/by-client-order-id',
  permission: 'orders:read',
  summary: 'Read one of your orders by your own name for it',
  request: { query: clientOrder },
  responses: { 200: { description: 'The order', schema: order } },
  rejections: ['account-not-open', 'unknown-order'],
})

export const amendOrderByClientOrderId = operation({
  context: 'trading',
  name: 'amend-order-by-client-order-id',
  method: 'PATCH',
  path: '/api/v1/orders/by-client-order-id',
  permission: 'orders:write',
  summary: 'Change an open order by your own name for it',
  description: amendDescription,
  admission: 'handler',
  request: { query: clientOrder, body: amendment },
  responses: { 202: acceptedOrder, 200: outcomeOrder },
  rejections: amendRejections,
})

export const cancelOrderByClientOrderId = operation({
  context: 'trading',
  name: 'cancel-order-by-client-order-id',
  method: 'DELETE',
  path: '/api/v1/orders/by-client-order-id',
  permission: 'orders:write',
  summary: 'Cancel an open order by your own name for it',
  weight: cancelWeight,
  usesReserve: true,
  admission: 'handler',
  request: { query: clientOrder },
  responses: { 202: acceptedOrder, 200: outcomeOrder },
  rejections: cancelRejections,
})

export const cancellation = z
  .object({
    command_id: z.string(),
    instrument_name: z.string().nullable().meta({ description: 'null: of every instrument' }),
    label: z.string().nullable().meta({ description: 'null: of any label, and of none' }),
    command_state: z.enum(['pending', 'completed', 'rejected']),
    cancelled_orders: z.number().int().nullable().meta({ description: 'How many; null until it is completed' }),
    reject_reason: z.string().nullable(),
  })
  .meta({ id: 'Cancellation' })
export type Cancellation = z.infer<typeof cancellation>

export const cancelOrders = operation({
  context: 'trading',
  name: 'cancel-orders',
  method: 'POST',
  path: '/api/v1/orders/cancel-all',
  permission: 'orders:write',
  summary: 'Cancel all of your open orders, or those of one instrument or label',
  description:
    'One command: what is placed before it is cancelled, stops that wait for their trigger and quotes included; what is placed after it is not.',
  usesReserve: true,
  admission: 'handler',
  request: {
    body: z.strictObject({
      instrument_name: instrumentName.optional(),
      label: requestName.optional(),
      lane: lane
        .optional()
        .meta({ description: 'A lane that the account has joined; that of the instrument, or its home, unless told' }),
    }),
  },
  responses: {
    202: { description: 'Taken by the order stream', schema: cancellation },
    200: { description: 'The outcome (with Prefer: wait=<seconds>)', schema: cancellation },
  },
  rejections: ['account-not-open', 'unknown-instrument', 'idempotency-conflict'],
})

export const getCancellation = operation({
  context: 'trading',
  name: 'get-cancellation',
  method: 'GET',
  path: '/api/v1/orders/cancel-all/{command_id}',
  permission: 'orders:read',
  summary: 'Read what became of a cancel-all',
  request: { path: z.strictObject({ command_id: orderId }) },
  responses: { 200: { description: 'The command and its outcome', schema: cancellation } },
  rejections: ['account-not-open', 'not-found'],
})

export const mostBatchItems = 100
/** One of the account's own orders. */
const reference = { order_id: orderId.optional(), client_order_id: requestName.optional() }
const namesOne = ({ order_id, client_order_id }: { readonly order_id?: unknown; readonly client_order_id?: unknown }) =>
  (order_id === undefined) !== (client_order_id === undefined)
const oneName = 'names one order: by order_id or by client_order_id'

const batchItem = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('place'), ...orderRequestFields }).superRefine(checkOrderRequest),
  z
    .strictObject({ action: z.literal('amend'), ...reference, ...terms })
    .refine(namesOne, oneName)
    .refine(hasTerms, 'amount or price is required'),
  z.strictObject({ action: z.literal('cancel'), ...reference }).refine(namesOne, oneName),
])
export type BatchItem = z.infer<typeof batchItem>

/** As much as each would take by itself. */
export const weightOfBatch = (items: readonly BatchItem[]): number =>
  items.reduce((sum, { action }) => sum + (action === 'cancel' ? cancelWeight : 1), 0)

const batchResult = z
  .object({
    status: z.number().int().meta({ description: 'As if the item had been a request of its own' }),
    order: order.nullable().meta({ description: 'null where there is a problem' }),
    problem: z
      .object({
        type: z.string(),
        title: z.string(),
        status: z.number().int(),
        code: z.string(),
        detail: z.string().optional(),
        request_id: z.string(),
        retry: z.boolean(),
        errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
      })
      .nullable()
      .meta({ description: 'A problem document; it points into the body of the batch' }),
  })
  .meta({ id: 'BatchResult' })
export type BatchResult = z.infer<typeof batchResult>
const batchResults = z.object({
  results: z.array(batchResult).meta({ description: 'One for each request, in their order' }),
})

export const submitBatch = operation({
  context: 'trading',
  name: 'submit-batch',
  method: 'POST',
  path: '/api/v1/orders/batch',
  permission: 'orders:write',
  summary: 'Place, amend and cancel up to 100 orders in one request',
  description:
    'All that is taken goes to the order stream as one record, in order, so nobody else’s commands come between. ' +
    'Each item has a result of its own: 202 with its order (200 where Prefer: wait saw the outcome) or a problem; a refused item keeps no other back. ' +
    'A body that lacks the form is refused as a whole. ' +
    'An item is named by its client_order_id (place) or by the Idempotency-Key of the batch and its position; repeated under the same name, it is answered as a repeated request is. ' +
    'Takes of the credential’s rate also what each item would take by itself. ' +
    'While the lane takes no new orders, a batch with one is refused as a whole.',
  weight: cancelWeight,
  admission: 'handler',
  request: {
    body: z.strictObject({
      requests: z.array(batchItem).min(1).max(mostBatchItems),
      lane: lane.optional().meta({
        description:
          'A lane that the account has joined: all of a batch is of one. That of its first order, or its home, unless told',
      }),
    }),
  },
  responses: {
    202: { description: 'The results; at least one was taken by the order stream', schema: batchResults },
    200: {
      description: 'The results: of all outcomes (with Prefer: wait=<seconds>), or nothing was to be sent',
      schema: batchResults,
    },
  },
  rejections: ['account-not-open', 'lane-behind', 'lane-halted'],
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
    liquidity: z.enum(['maker', 'taker', 'auction']).meta({ description: 'auction: neither side made or took' }),
    is_busted: z.boolean().meta({ description: 'It was reversed: position and cash are as if it had not been' }),
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
      lane: laneQuery,
    }),
  },
  responses: { 200: { description: 'A page of fills', schema: pageOf(trade) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

export const tradingOperations = [
  placeOrder,
  getOrder,
  listOrders,
  amendOrder,
  cancelOrder,
  getOrderByClientOrderId,
  amendOrderByClientOrderId,
  cancelOrderByClientOrderId,
  cancelOrders,
  getCancellation,
  submitBatch,
  listTrades,
] as const
