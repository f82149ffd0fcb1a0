import * as z from 'zod'
import { killScopes } from '#domain/trading/commands.ts'
import { limitScopes } from '#domain/trading/limit-terms.ts'
import { operation } from '../operation.ts'
import { accountName, commandOutcome, decimalText, instant, lane } from '../values.ts'
import { parameterRequest, versionByUnderlying } from './parameters.ts'

/** Limits, how they are scaled, and the kill switch; among the operations of risk. */

const million = 1_000_000
const count = (high: number) => z.int().min(1).max(high)
const ppm = z
  .int()
  .min(1)
  .max(million)
  .meta({ examples: [100_000] })
const positive = decimalText.refine(text => /[1-9]/.test(text), 'must be greater than zero')

const limitMembers = {
  max_order_lots: count(2 ** 31 - 1).meta({
    description: 'Of what is left to be filled of one order, in lots: the market’s min_trade_amount. Scaled',
  }),
  max_order_notional: positive.meta({ description: 'USD: the same at the order’s price. Scaled' }),
  max_open_orders: count(10_000).meta({ description: 'Of an instrument: those of each account in it' }),
  max_position_lots: count(2 ** 47).meta({
    description:
      'Of either side of each market, if all that is open on it filled; of a firm its accounts together. Scaled',
  }),
  max_gross_delta: positive.meta({ description: 'Units of underlyings: the larger side of each market, added up' }),
  max_net_delta: positive.meta({ description: 'The same of all markets together, if all that adds to a side filled' }),
  max_vega: positive.meta({ description: 'USD for a point of volatility' }),
  max_daily_loss: positive.meta({
    description: 'USD since 00:00 UTC at the marks, deposits and withdrawals left out; not of an instrument',
  }),
  max_concentration_ppm: ppm.meta({ description: 'Of the market’s open interest' }),
  concentration_from_lots: count(2 ** 47).meta({ description: 'Up to so many lots no share is too large' }),
  max_messages_per_second: count(million).meta({
    description: 'Orders, amendments and mass quotes; cancels are not counted. Of an instrument: those of all accounts',
  }),
  price_collar_ppm: ppm.meta({ description: 'How far beyond the mark price one may buy or sell. Scaled' }),
}

/** What is left out is no limit. */
export const riskLimitsBody = z.strictObject(limitMembers).partial()
export type RiskLimitsBody = z.infer<typeof riskLimitsBody>

const subject = accountName.meta({ description: 'Name of the account or firm, or of the market' })
const ofFirm = 'Of a firm only; the first unless told'

const heldLimits = z.object({
  scope: z.enum(limitScopes),
  subject: z.string(),
  lane: z.int(),
  limits: z.object(limitMembers).partial().meta({ description: 'As they were set; what is left out is no limit' }),
})

export const limitRequest = heldLimits
  .extend({
    request_id: z.string(),
    request_state: z.enum(['awaiting_approval', 'lapsed', 'submitted', 'in_force', 'rejected']),
    reject_reason: z.string().nullable(),
    reason: z.string(),
    requested_by: z.string(),
    requested_at: instant,
    approved_by: z.string().nullable(),
    approved_at: instant.nullable(),
    approve_before: instant,
  })
  .meta({ id: 'LimitRequest' })

export const limitScale = z
  .object({
    scale_ppm: z.int().meta({ description: 'What part of size, notional, position and collar limits holds now' }),
    volatility_ppm: z.int().meta({ description: 'Realised, of a year: 800000 is 80 %' }),
    reference_volatility_ppm: z.int(),
    depth_lots: z.int(),
    reference_depth_lots: z.int(),
    floor_ppm: z.int(),
    ceiling_ppm: z.int(),
    scaled_at: instant,
  })
  .meta({ id: 'LimitScale' })

export const riskLimits = heldLimits
  .extend({
    set_at: instant.nullable().meta({ description: 'null: none were ever set' }),
    scale: limitScale.nullable().meta({ description: 'Of an instrument; null: its limits hold in full' }),
    requests: z.array(limitRequest).meta({ description: 'To loosen them, newest first' }),
  })
  .meta({ id: 'RiskLimits' })

export const getRiskLimits = operation({
  context: 'risk',
  name: 'get-risk-limits',
  method: 'GET',
  path: '/api/v1/risk/limits',
  permission: 'risk:read',
  summary: 'Read the limits of an account, a firm or an instrument',
  description:
    'Of your own account unless told. Those of other accounts and firms are for risk managers and for whoever owns the firm; an order meets those of its account, its firm and its instrument.',
  request: {
    query: z.strictObject({
      scope: z.enum(limitScopes).default('account'),
      subject: subject.optional().meta({
        description: 'Your own account unless told; to be told by who has none, and of a firm or an instrument',
      }),
      lane: z
        .string()
        .regex(/^[1-9][0-9]{0,4}$/, 'must be the number of a lane')
        .refine(digits => Number(digits) <= 65_535, 'must be the number of a lane')
        .optional()
        .meta({ description: ofFirm, examples: ['1'] }),
    }),
  },
  responses: { 200: { description: 'The limits in force', schema: riskLimits } },
  rejections: ['account-not-open', 'not-found'],
})

export const setRiskLimits = operation({
  context: 'risk',
  name: 'set-risk-limits',
  method: 'PUT',
  path: '/api/v1/risk/limits',
  permission: 'risk:write',
  summary: 'Replace the limits of an account, a firm or an instrument',
  description:
    'Limits that allow no more than those in force are set at once. Whatever allows more waits for another person, with another account and credential: the answer is the request (201). Orders that only reduce a position pass whatever the limit of the position is.',
  weight: 2,
  request: {
    body: z.strictObject({
      scope: z.enum(limitScopes),
      subject,
      lane: lane.optional().meta({ description: ofFirm }),
      limits: riskLimitsBody,
      reason: z
        .string()
        .min(1)
        .max(200)
        .regex(/^[\p{L}\p{N}\p{P}\p{Sc}\p{Sm} ]+$/u, 'must be letters, digits, blanks and punctuation')
        .meta({ examples: ['review of March'] }),
    }),
  },
  responses: {
    202: { description: 'Taken by the order stream', schema: commandOutcome },
    200: { description: 'Done (with Prefer: wait=<seconds>)', schema: commandOutcome },
    201: { description: 'Waits for approval', schema: limitRequest },
  },
  rejections: [
    'not-found',
    'limits-contradict',
    'limit-not-of-scope',
    'loosening-needs-approval',
    'engine-version-needed',
    'idempotency-conflict',
  ],
})

export const approveRiskLimits = operation({
  context: 'risk',
  name: 'approve-risk-limits',
  method: 'POST',
  path: '/api/v1/risk/limits/{request_id}/approve',
  permission: 'risk:write',
  summary: 'Approve that limits become looser',
  description:
    'By another account and another credential than asked for it, within a day, unless the limits were set otherwise since. A repeat changes nothing.',
  idempotency: 'none',
  weight: 2,
  request: {
    path: z.strictObject({
      request_id: z
        .string()
        .regex(/^[1-9][0-9]{0,4}-[0-9a-f-]{36}$/, 'must be the request_id of a request to set limits')
        .meta({ examples: ['1-01900000-0000-7000-8000-000000000001'] }),
    }),
  },
  responses: {
    202: { description: 'Taken by the order stream', schema: limitRequest },
    200: { description: 'The outcome (with Prefer: wait=<seconds>)', schema: limitRequest },
  },
  rejections: ['not-found', 'second-person-required', 'limit-request-over', 'limits-changed'],
})

export const stopTrading = operation({
  context: 'risk',
  name: 'stop-trading',
  method: 'POST',
  path: '/api/v1/risk/kill-switch',
  permission: 'kill:write',
  summary: 'Stop or release an account, a firm or a lane',
  description: 'The same as PUT /api/v1/kill-switches/{scope}/{subject}, with all of it in the body.',
  usesReserve: true,
  weight: 0.1,
  request: {
    body: z.strictObject({
      scope: z.enum(killScopes),
      subject: accountName.meta({ description: 'Name of the account or firm, or number of the lane' }),
      is_on: z.boolean().default(true),
      lane: lane.optional().meta({ description: 'Of a firm only' }),
    }),
  },
  responses: {
    202: { description: 'Taken by the order stream', schema: commandOutcome },
    200: { description: 'Done (with Prefer: wait=<seconds>)', schema: commandOutcome },
  },
  rejections: ['unknown-account', 'unknown-firm', 'not-found', 'idempotency-conflict'],
})

const factorName = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._-]{0,63}$/, 'must be 1 to 64 upper-case letters, digits and . _ -, such as H100.USE')
  .meta({ examples: ['H100.USE'] })

export const scalingTerms = z.object({
  floor_ppm: ppm.meta({ description: 'No limit shrinks below this part of it' }),
  ceiling_ppm: ppm.meta({ description: 'No limit grows beyond this part of it: never beyond what was approved' }),
  reference_volatility_ppm: z
    .int()
    .min(1)
    .max(100 * million)
    .meta({ description: 'Realised volatility of a year up to which limits hold in full: 800000 is 80 %' }),
  reference_depth: decimalText
    .regex(/^[0-9]{1,9}(?:\.[0-9]{1,6})?$/, 'must be below 1000000000, with at most six digits after the point')
    .meta({
      description:
        'Amount within the best prices, of both sides together, from which limits hold in full; 0: does not count',
    }),
  depth_ppm: ppm.meta({ description: 'How far from the best price depth is counted' }),
  window_minutes: z
    .int()
    .min(5)
    .max(24 * 60)
    .meta({ description: 'Over how long volatility is measured', examples: [60] }),
  step_ppm: ppm.meta({ description: 'A scale that moved by less than this is left as it is' }),
})
export type ScalingTerms = z.infer<typeof scalingTerms>

export const limitScaling = z
  .object({
    ...versionByUnderlying,
    ...scalingTerms.shape,
  })
  .meta({ id: 'LimitScaling' })

export const getLimitScaling = operation({
  context: 'risk',
  name: 'get-limit-scaling',
  method: 'GET',
  path: '/api/v1/risk/limit-scaling',
  permission: 'risk:read',
  summary: 'Read the rule by which limits shrink with volatility and depth',
  request: { query: z.strictObject({ underlying: factorName.optional() }) },
  responses: { 200: { description: 'The rule that holds', schema: limitScaling } },
  rejections: [],
})

export const setLimitScaling = operation({
  context: 'risk',
  name: 'set-limit-scaling',
  method: 'PUT',
  path: '/api/v1/risk/limit-scaling',
  permission: 'risk:write',
  summary: 'Set the rule by which limits shrink with volatility and depth',
  description:
    'What is not named stays as it is. Scales follow it within a minute: the smaller of reference volatility by volatility and depth by reference depth, from the floor to the ceiling. Whatever may leave a limit larger waits for another person, with another account and credential: the answer is the request (201).',
  weight: 5,
  idempotency: 'none',
  request: {
    body: z.strictObject({
      underlying: factorName.optional().meta({ description: 'Unless told, of all that have none of their own' }),
      ...scalingTerms.partial().shape,
    }),
  },
  responses: {
    200: { description: 'The new version', schema: limitScaling },
    201: { description: 'Waits for approval', schema: parameterRequest },
  },
  rejections: ['scale-out-of-range', 'unknown-underlying', 'undone-by-later-version'],
})

export const limitOperations = [
  getRiskLimits,
  setRiskLimits,
  approveRiskLimits,
  stopTrading,
  getLimitScaling,
  setLimitScaling,
] as const
