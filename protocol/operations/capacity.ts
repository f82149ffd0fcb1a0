import * as z from 'zod'
import { allocationStates } from '#domain/capacity/allocation.ts'
import { capacityPlanStates, capacitySourceKinds } from '../capacity.ts'
import { operation } from '../operation.ts'
import { commandId, decimalText, instant, pageOf, pageQuery, usdText } from '../values.ts'
import { capacityForecastOperations } from './capacity-forecasts.ts'

const service = z
  .string()
  .regex(
    /^[a-z][a-z0-9-]{1,31}$/,
    'must be 2 to 32 lower-case letters, digits and -, such as mlops, simulation or provisioning',
  )
  .meta({ examples: ['mlops'] })

const resourceClass = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._-]{0,39}$/, 'must be 1 to 40 upper-case letters, digits and . _ -, such as H100')
  .meta({ examples: ['H100'] })
const region = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'must be 1 to 40 letters, digits and . _ -, such as us-central1')
  .meta({ examples: ['us-central1'] })

const amount = (most: number, description: string) =>
  z
    .int()
    .min(0)
    .max(most)
    .meta({ description, examples: [1] })

/** Of one unit, whole ones. */
const resourcesOfUnit = z.strictObject({
  gpus: amount(1_024, 'GPUs').optional(),
  vcpus: amount(10_000, 'Virtual processors').optional(),
  memory_gib: amount(100_000, 'Memory, GiB').optional(),
  storage_tib: amount(100_000, 'Storage, TiB').optional(),
})

const flexibilities = ['none', 'start'] as const

const hourInstant = z.iso.datetime().meta({ description: 'The beginning of an hour, ISO 8601, UTC' })

const capacityRequestBody = z.strictObject({
  service: service.meta({ description: 'Who will use it: mlops, simulation, digital-asset, provisioning…' }),
  resource_class: resourceClass
    .optional()
    .meta({ description: 'Of this class only; of any whose units have room for resources unless told' }),
  resources: resourcesOfUnit
    .optional()
    .meta({ description: 'What one unit must have; with a resource class one GPU of it unless told' }),
  units: z
    .int()
    .min(1)
    .max(10_000)
    .meta({ description: 'All at once', examples: [8] }),
  regions: z.array(region).min(1).max(8).meta({ description: 'Any one of these' }),
  earliest_start: hourInstant,
  latest_start: hourInstant
    .optional()
    .meta({ description: 'With flexibility start; as late as its end allows unless told' }),
  window_end: hourInstant.meta({ description: 'By when it must have ended' }),
  duration_hours: z
    .int()
    .min(1)
    .max(720)
    .meta({ description: 'In one piece', examples: [6] }),
  flexibility: z
    .enum(flexibilities)
    .meta({ description: 'none: begins at earliest_start; start: whenever it is best' }),
  priority: z
    .int()
    .min(1)
    .max(5)
    .meta({ description: '5 before all others where there is not enough for everybody', examples: [3] }),
  budget: usdText.meta({ description: 'USD: what it may cost in all', examples: ['500'] }),
  preemptible: z.boolean().meta({
    description: 'May be taken back by whoever provides it, and so may be served by spot offers',
  }),
})
export type CapacityRequestBody = z.infer<typeof capacityRequestBody>

const share = z.object({
  source_kind: z.enum(capacitySourceKinds),
  source_id: z.string(),
  provider: z.string().nullable(),
  resource_class: z.string(),
  region: z.string(),
  units: z.int(),
  price: decimalText.meta({ description: 'USD a unit and hour; 0 for what the account has paid for before' }),
  order_id: commandId.nullable().meta({
    description: 'Of a future: the order that buys its units; what it was filled with is a position of the account',
  }),
  bid_id: commandId.nullable().meta({
    description: 'Of a day-ahead auction: the bid for its units, which counts for the account like any that it places',
  }),
})

export const capacityAllocation = z
  .object({
    allocation_id: commandId,
    allocation_state: z.enum(allocationStates),
    service: z.string(),
    resource_class: z.string().nullable(),
    units: z.int(),
    resources: resourcesOfUnit,
    regions: z.array(z.string()),
    earliest_start: instant,
    latest_start: instant,
    window_end: instant,
    duration_hours: z.int(),
    flexibility: z.enum(flexibilities),
    priority: z.int(),
    budget: decimalText,
    preemptible: z.boolean(),
    requested_at: instant,
    updated_at: instant,
    plan_id: commandId.nullable().meta({ description: 'Of the plan that decided on it last' }),
    explanation: z.string().nullable().meta({ description: 'Why that plan decided so: what bound it' }),
    start: instant.nullable(),
    end: instant.nullable(),
    cost: decimalText.nullable().meta({ description: 'USD: what was paid for it' }),
    shares: z.array(share).meta({ description: 'Where its units come from' }),
    plans_missed: z.int().meta({ description: 'How many plans could not serve it' }),
  })
  .meta({ id: 'CapacityAllocation' })

export const requestCapacity = operation({
  context: 'capacity',
  name: 'request-capacity',
  method: 'POST',
  path: '/api/v1/capacity/request',
  permission: 'capacity:write',
  summary: 'Ask for capacity over a window',
  description:
    'Stored as a request, which the next plan decides on: POST /api/v1/capacity/optimize makes one now, the exchange by itself after some minutes. Follow it by its Location, or hear of CapacityAllocationChanged.v1 on the bus.',
  idempotency: 'header',
  request: { body: capacityRequestBody },
  responses: { 202: { description: 'The request, waiting for a plan', schema: capacityAllocation } },
  rejections: [
    'idempotency-key-required',
    'idempotency-conflict',
    'account-not-open',
    'unknown-resource',
    'capacity-window-invalid',
  ],
})

const allocationPath = z.strictObject({ allocation_id: commandId })

export const getCapacityAllocation = operation({
  context: 'capacity',
  name: 'get-capacity-allocation',
  method: 'GET',
  path: '/api/v1/capacity/allocation/{allocation_id}',
  permission: 'capacity:read',
  summary: 'Read what became of a request for capacity',
  request: { path: allocationPath },
  responses: { 200: { description: 'The request and its allocation', schema: capacityAllocation } },
  rejections: ['not-found'],
})

export const listCapacityAllocations = operation({
  context: 'capacity',
  name: 'list-capacity-allocations',
  method: 'GET',
  path: '/api/v1/capacity/allocations',
  permission: 'capacity:read',
  summary: 'List your requests for capacity and their allocations, newest first',
  weight: 2,
  request: {
    query: z.strictObject({
      allocation_state: z.enum(allocationStates).optional(),
      service: service.optional(),
      ...pageQuery,
    }),
  },
  responses: { 200: { description: 'A page of them', schema: pageOf(capacityAllocation) } },
  rejections: ['invalid-cursor'],
})

export const cancelCapacityAllocation = operation({
  context: 'capacity',
  name: 'cancel-capacity-allocation',
  method: 'DELETE',
  path: '/api/v1/capacity/allocation/{allocation_id}',
  permission: 'capacity:write',
  summary: 'Withdraw a request, or give back what is reserved for it',
  description:
    'What is left of its hours goes back to the inventory of the account; what was bought for it stays bought: units of partners serve the next request, and a future is a position of the account. A bid for it is withdrawn while its gate is open.',
  request: { path: allocationPath },
  responses: { 200: { description: 'It is cancelled', schema: capacityAllocation } },
  rejections: ['not-found', 'allocation-being-booked', 'allocation-over', 'gate-closed'],
})

export const preemptCapacityAllocation = operation({
  context: 'capacity',
  name: 'preempt-capacity-allocation',
  method: 'POST',
  path: '/api/v1/capacity/allocation/{allocation_id}/preempt',
  permission: 'capacity:preempt',
  summary: 'Tell that what was asked for as preemptible is taken back by its provider',
  request: {
    path: allocationPath,
    body: z.strictObject({
      reason: z
        .string()
        .min(1)
        .max(200)
        .regex(/^[\p{L}\p{N}\p{P}\p{Sc}\p{Sm} ]+$/u, 'must be letters, digits, blanks and punctuation')
        .meta({ examples: ['the provider reclaimed its spot instances'] }),
    }),
  },
  responses: { 200: { description: 'It is preempted', schema: capacityAllocation } },
  rejections: ['not-found', 'allocation-being-booked', 'allocation-over', 'allocation-not-preemptible'],
})

const planDecision = z.object({
  allocation_id: commandId,
  decision: z.enum(['served', 'unmet']),
  start: instant.nullable(),
  end: instant.nullable(),
  cost: decimalText.nullable(),
  shares: z.array(share),
  bound_by: z.enum(['nothing', 'budget', 'capacity', 'window', 'priority', 'limit']).meta({
    description:
      'What kept it from being served better: nothing, where it has the best that it could have by itself; limit: the search ended before it was tried',
  }),
  explanation: z.string(),
  booking: z
    .enum(['waiting', 'booked', 'not_booked'])
    .meta({ description: 'Whether its units were then booked; waiting, too, while a bid for them is in an auction' }),
})

export const capacityPlan = z
  .object({
    plan_id: commandId,
    plan_state: z.enum(capacityPlanStates),
    requested_at: instant,
    made_at: instant.nullable(),
    failure: z.string().nullable(),
    requests: z.int().meta({ description: 'Open when it was made, of all accounts' }),
    served: z.int(),
    unmet: z.int(),
    cost: decimalText.nullable().meta({ description: 'USD: of all that is served, of all accounts' }),
    certificate: z
      .object({
        objective: z.string().meta({
          description: 'Worth of what is served less its cost, in USD: docs/decisions/0017-capacity.md',
        }),
        bound: z.string().meta({ description: 'No plan can reach more' }),
        gap: z.string().meta({ description: 'bound - objective' }),
        relative_gap: z.number().meta({ description: 'Of the objective' }),
        gap_of_cost: z.number().nullable().meta({ description: 'Of what the plan costs; null where it costs nothing' }),
        is_optimal: z.boolean(),
        nodes: z.int(),
        iterations: z.int(),
        options: z.int().meta({ description: 'Ways to serve the requests that were weighed' }),
        columns: z.int().meta({ description: 'Of the integer programmes that were solved' }),
      })
      .nullable(),
    decisions: z.array(planDecision).meta({ description: 'On requests of your own account' }),
  })
  .meta({ id: 'CapacityPlan' })

export const optimizeCapacity = operation({
  context: 'capacity',
  name: 'optimize-capacity',
  method: 'POST',
  path: '/api/v1/capacity/optimize',
  permission: 'capacity:plan',
  summary: 'Plan all open requests against all sources, and book what is planned',
  description:
    'One plan at a time for the whole tenant. What is reserved is never taken back by it. Read the plan by its Location once it is made.',
  weight: 5,
  idempotency: 'header',
  request: {},
  responses: {
    202: { description: 'The plan, being made', schema: capacityPlan },
    200: { description: 'With Prefer: wait, the plan once it is made and booked, or has failed', schema: capacityPlan },
  },
  rejections: ['idempotency-key-required', 'capacity-plan-under-way'],
})

export const getCapacityPlan = operation({
  context: 'capacity',
  name: 'get-capacity-plan',
  method: 'GET',
  path: '/api/v1/capacity/plans/{plan_id}',
  permission: 'capacity:read',
  summary: 'Read a plan: its certificate, and its decisions on your own requests with their reasons',
  weight: 2,
  request: { path: z.strictObject({ plan_id: commandId }) },
  responses: { 200: { description: 'The plan', schema: capacityPlan } },
  rejections: ['not-found'],
})

export const capacityOperations = [
  requestCapacity,
  getCapacityAllocation,
  listCapacityAllocations,
  cancelCapacityAllocation,
  preemptCapacityAllocation,
  optimizeCapacity,
  getCapacityPlan,
  ...capacityForecastOperations,
] as const
