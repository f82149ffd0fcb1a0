import * as z from 'zod'
import { buyInStates, deliveryStates, partStates } from '#domain/settlement/physical-delivery.ts'
import { deliveryOutcomes } from '#domain/trading/commands.ts'
import { operation } from '../operation.ts'
import { provisioningSteps } from '../provisioning.ts'
import { commandId, decimalText, instant, instrumentName, pageOf, pageQuery, positiveDecimalText } from '../values.ts'
import { settlement } from './settlement.ts'

const deliveryId = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, 'must be a UUID in lower case')
const deliveryPath = z.strictObject({ delivery_id: deliveryId })
const sides = ['buyer', 'seller'] as const

const amount = decimalText.meta({ description: 'Units' })
const usd = decimalText.meta({ description: 'USD' })

const delivery = z.object({
  delivery_id: z.string(),
  instrument_name: z.string(),
  delivery_number: z.int().meta({ description: 'Of the instrument, from 1' }),
  side: z.enum(sides).meta({ description: 'Which of the two the own account is' }),
  amount,
  price: decimalText.meta({ description: 'At which the contract was settled, and at which what is delivered is paid' }),
  invoice: usd.meta({ description: 'USD that the buyer pays where all of it is delivered' }),
  delivery_state: z.enum(deliveryStates).meta({ description: 'split: see children' }),
  attempt: z.int().meta({ description: 'Of provisioning, from 1; 0 before the first' }),
  delivery_start: instant,
  delivery_end: instant,
  obligated_at: instant,
  updated_at: instant,
})

const deliverySummary = delivery.meta({ id: 'Delivery' })

export const deliveryDetail = z
  .object({
    ...delivery.shape,
    children: z.array(
      z.object({
        child_id: z.string().meta({ description: 'delivery#part' }),
        amount,
        child_state: z.enum(partStates),
        attempt: z.int().meta({ description: 'By which it was provisioned; 0: by none' }),
      }),
    ),
    imbalance: z
      .object({
        price: decimalText,
        source: z.string().meta({ description: 'What the price was taken from' }),
      })
      .nullable()
      .meta({ description: 'At which what was not delivered is valued; null where nothing was missing yet' }),
    buy_in: z
      .object({
        buy_in_state: z.enum(buyInStates),
        attempt: z.int().meta({ description: 'By which what is bought is provisioned' }),
        amount,
        price: decimalText.meta({ description: 'What it costs, as a price of the contract; rounded down to a tick' }),
        purchase_id: z.string().nullable().meta({ description: 'Of the seller, who alone is told' }),
      })
      .nullable()
      .meta({ description: 'What is bought of partners for what could not be provisioned; null: nothing' }),
    payments: z.array(
      z.object({
        command_id: commandId,
        outcome: z.enum(deliveryOutcomes),
        amount,
        invoice: usd.meta({ description: 'USD: what the buyer has paid; 0 where it was not delivered' }),
        compensation: usd.meta({ description: 'USD: what the seller has paid; 0 where it was delivered' }),
        timestamp: instant,
      }),
    ),
    timeline: z.array(
      z.object({
        sequence: z.int(),
        delivery_state: z.enum(deliveryStates),
        attempt: z.int(),
        amount,
        reason: z.string().nullable(),
        timestamp: instant,
      }),
    ),
  })
  .meta({ id: 'DeliveryDetail' })

export const initiateSettlement = operation({
  context: 'delivery',
  name: 'initiate-settlement',
  method: 'POST',
  path: '/api/v1/compute-futures/settlement/initiate',
  permission: 'deliveries:operate',
  summary: 'Have a future that has expired delivered',
  description:
    'Does at once what is done each minute by itself: computes the settlement price, and has all positions settled at it and buyers and sellers paired. The first price is the only one. A repeat tells how far it is; a settlement that failed is tried again.',
  idempotency: 'none',
  weight: 5,
  request: { body: z.strictObject({ instrument_name: instrumentName }) },
  responses: {
    202: { description: 'Begun; follow it by GET /api/v1/markets/{instrument_name}/settlements', schema: settlement },
  },
  rejections: ['unknown-instrument', 'not-physically-settled', 'instrument-not-expired', 'engine-version-needed'],
})

export const listDeliveries = operation({
  context: 'delivery',
  name: 'list-deliveries',
  method: 'GET',
  path: '/api/v1/compute-futures/deliveries',
  permission: 'deliveries:read',
  summary: 'List the deliveries in which your account is buyer or seller',
  description: 'The newest first.',
  weight: 2,
  request: {
    query: z.strictObject({
      ...pageQuery,
      side: z.enum(sides).optional(),
      instrument_name: instrumentName.optional(),
      delivery_state: z.enum(deliveryStates).optional(),
    }),
  },
  responses: { 200: { description: 'A page of deliveries', schema: pageOf(deliverySummary) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

export const getDelivery = operation({
  context: 'delivery',
  name: 'get-delivery',
  method: 'GET',
  path: '/api/v1/compute-futures/deliveries/{delivery_id}',
  permission: 'deliveries:read',
  summary: 'Read a delivery with its timeline',
  description: 'Its children are the parts that a partial delivery has split it into; their amounts add up to its own.',
  request: { path: deliveryPath },
  responses: { 200: { description: 'The delivery', schema: deliveryDetail } },
  rejections: ['not-found'],
})

const reason = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\p{L}\p{N}\p{P}\p{Sc}\p{Sm} ]+$/u, 'must be letters, digits, blanks and punctuation')

const ofRequest = {
  step: z.enum(provisioningSteps),
  attempt: z.int().min(1).max(9_999).meta({ description: 'As in the request' }),
  callback_token: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be as in the request'),
}

export const answerProvisioning = operation({
  context: 'delivery',
  name: 'answer-provisioning',
  method: 'POST',
  path: '/api/v1/compute-futures/deliveries/{delivery_id}/callbacks',
  permission: 'deliveries:provision',
  summary: 'Answer a request to the provisioning service, or tell that it is being worked on',
  description:
    'The requests are events on the bus: ProvisioningRequested.v1 and ProvisioningReleaseRequested.v1. A request is answered once; a heartbeat keeps it alive. What is refused as callback-stale came too late: whatever was provisioned for it must be given back. See docs/protocol/provisioning.md.',
  idempotency: 'none',
  request: {
    path: deliveryPath,
    body: z.discriminatedUnion('outcome', [
      z.strictObject({ ...ofRequest, outcome: z.literal('heartbeat') }),
      z.strictObject({
        ...ofRequest,
        outcome: z.literal('succeeded'),
        amount: positiveDecimalText.meta({
          description: 'Units that were reserved or provisioned; may be fewer than asked for',
        }),
      }),
      z.strictObject({ ...ofRequest, outcome: z.literal('failed'), reason }),
      z.strictObject({
        ...ofRequest,
        outcome: z.literal('metered'),
        amount: decimalText.meta({ description: 'Units that were there for all of the period' }),
      }),
      z.strictObject({ ...ofRequest, outcome: z.literal('released') }),
    ]),
  },
  responses: {
    200: {
      description: 'Taken',
      schema: z.object({ request_id: z.string(), request_state: z.enum(['requested', 'answered']) }),
    },
  },
  rejections: ['not-found', 'callback-stale', 'callback-repeated', 'amount-off-lot', 'amount-out-of-range'],
})

export const deliveryOperations = [initiateSettlement, listDeliveries, getDelivery, answerProvisioning] as const
