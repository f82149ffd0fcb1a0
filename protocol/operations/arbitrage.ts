import * as z from 'zod'
import { arbitrageVenues } from '#domain/partners/arbitrage.ts'
import { arbitrageModes, arbitrageRefusals } from '#domain/partners/arbitrage-policy.ts'
import { micros } from '#domain/units.ts'
import { arbitrageOrigins, arbitrageStates, arbitrageStepKinds } from '../arbitrage.ts'
import { operation } from '../operation.ts'
import {
  commandId,
  decimalText,
  instant,
  instrumentName,
  pageOf,
  pageQuery,
  signedDecimalText,
  usdText,
} from '../values.ts'

/** What costs less at one venue than another pays for it, and what is done about it; among the operations of partners. */

const venue = z.enum(arbitrageVenues)
const resourceClass = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9_-]{0,30}$/, 'must be a resource class such as H100')
  .meta({ examples: ['H100'] })
const region = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/, 'must be a region such as USE')
  .meta({ examples: ['USE'] })
const unitHours = decimalText.meta({ description: 'Unit-hours', examples: ['240'] })

const legCosts = {
  notional: decimalText.meta({ description: 'USD, before anything else' }),
  fee: decimalText,
  lock_in: decimalText.meta({
    description: 'What a commitment is paid for beyond the hours, less what is expected back',
  }),
  preemption: decimalText.meta({ description: 'What spot hours that are taken away are expected to cost elsewhere' }),
  funding: decimalText.meta({ description: 'Interest on what is paid or put up, until the end' }),
  tied_up: decimalText.meta({ description: 'Margin, or commitment beyond the hours: must be there, and is no cost' }),
}

const arbitrageLeg = z.object({
  direction: z.enum(['buy', 'sell']),
  venue,
  instrument_name: z.string().nullable().meta({ description: 'Of a future' }),
  offer_id: z.string().nullable().meta({ description: 'Of a partner’s offer' }),
  provider: z.string().nullable(),
  amount: decimalText.meta({ description: 'Of a future in its own amounts, of an offer in units through all hours' }),
  limit_price: decimalText.meta({
    description: 'Of a future the price of its last level, of an offer USD for a unit and hour at its tier',
  }),
  ...legCosts,
})

export const arbitrageOpportunity = z
  .object({
    opportunity_id: commandId.meta({
      description: 'Made of legs, sizes and prices: another one as soon as any has moved',
    }),
    resource_class: z.string(),
    region: z.string(),
    starts_at: instant,
    ends_at: instant,
    unit_hours: unitHours.meta({ description: 'The executable size, the same of both legs' }),
    legs: z.array(arbitrageLeg).length(2),
    gross: signedDecimalText.meta({ description: 'USD: what the sale brings more than the purchase costs' }),
    net: decimalText.meta({ description: 'USD: less fees, lock-in, preemption and funding of both legs' }),
    outlay: decimalText.meta({ description: 'USD that must be there for it' }),
    return: z.number().meta({ description: 'Net as part of the outlay' }),
    is_executable: z.boolean(),
    valid_until: instant,
  })
  .meta({ id: 'ArbitrageOpportunity' })

export const listArbitrageOpportunities = operation({
  context: 'partners',
  name: 'list-arbitrage-opportunities',
  method: 'GET',
  path: '/api/v1/partners/arbitrage/opportunities',
  permission: 'partners:read',
  summary: 'Find what costs less at one venue than another pays for it',
  description:
    'Futures of the account’s lane against each other and against all that partners offer it: contracts, list, spot and commitments, for the same class, region and hours. Net of fees, lock-in, preemption and funding as the account’s policy assumes them; of a size that books, offers, limits of position and the account’s cash allow. Best first; each stands alone, as if the others were not taken. A cash-settled future locks what the capacity is worth only against its index: selling the hours is yours.',
  weight: 5,
  request: {
    query: z.strictObject({
      resource_class: resourceClass.optional(),
      region: region.optional(),
      venue: venue.optional().meta({ description: 'Of one of the legs' }),
      instrument_name: instrumentName.optional().meta({ description: 'Of one of the legs' }),
      minimum_net: usdText.optional().meta({ description: 'USD', examples: ['10'] }),
      ...pageQuery,
    }),
  },
  responses: { 200: { description: 'Opportunities, the best first', schema: pageOf(arbitrageOpportunity) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

const arbitrageStep = z.object({
  step: z.number().int(),
  step_kind: z.enum(arbitrageStepKinds),
  step_state: z.enum(['decided', 'done']),
  leg: z.enum(['buy', 'sell']).nullable(),
  order_id: z.string().nullable(),
  purchase_id: z.string().nullable(),
  decided_at: instant,
  done_at: instant.nullable(),
  result: z.string().nullable().meta({ description: 'What came of it' }),
})

export const arbitrageExecution = z
  .object({
    execution_id: commandId,
    execution_state: z.enum(arbitrageStates).meta({
      description:
        'refused and dry_run: decisions of a policy that did nothing; missed: one leg was not to be had, nothing is left of the other; residual: what could not be traded back is in residuals',
    }),
    origin: z.enum(arbitrageOrigins),
    opportunity: arbitrageOpportunity,
    refusals: z.array(z.enum(arbitrageRefusals)).meta({ description: 'Rules of the policy that it broke' }),
    purchase_id: commandId.nullable(),
    realised_net: signedDecimalText.nullable().meta({
      description:
        'USD, once it is over: what fills and the purchase came to, less fees, and less lock-in, preemption and funding as they were expected',
    }),
    residuals: z
      .array(z.object({ instrument_name: z.string(), direction: z.enum(['buy', 'sell']), amount: decimalText }))
      .meta({ description: 'What was filled and could not be traded back; direction: as it was filled' }),
    failure: z.string().nullable().meta({ description: 'See docs/runbooks/arbitrage-failed.md' }),
    attempt: z.number().int(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'ArbitrageExecution' })

export const executeArbitrage = operation({
  context: 'partners',
  name: 'execute-arbitrage',
  method: 'POST',
  path: '/api/v1/partners/arbitrage/opportunities/{opportunity_id}/execute',
  permission: 'partners:write',
  summary: 'Place both legs of an opportunity, or none',
  description:
    'Looks for it again: where any price or size has moved, it is stale. Then capacity is reserved and its money held, orders are placed to fill whole or not at all, and capacity is paid for once they are filled. Where a leg fails, what was filled is traded back within the policy’s slippage and what was reserved is released; what cannot be traded back is told with its size.',
  weight: 5,
  idempotency: 'header',
  request: { path: z.strictObject({ opportunity_id: commandId }) },
  responses: {
    202: { description: 'It is under way', schema: arbitrageExecution },
    200: { description: 'With Prefer: wait, what became of it', schema: arbitrageExecution },
  },
  rejections: [
    'account-not-open',
    'not-found',
    'idempotency-conflict',
    'stale-opportunity',
    'opportunity-not-executable',
    'idempotency-key-required',
    'engine-version-needed',
  ],
})

export const listArbitrageExecutions = operation({
  context: 'partners',
  name: 'list-arbitrage-executions',
  method: 'GET',
  path: '/api/v1/partners/arbitrage/executions',
  permission: 'partners:read',
  summary: 'List what was executed of opportunities, and each decision of the policy, newest first',
  request: {
    query: z.strictObject({
      execution_state: z.enum(arbitrageStates).optional(),
      ...pageQuery,
    }),
  },
  responses: { 200: { description: 'A page of executions and decisions', schema: pageOf(arbitrageExecution) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

const executionPath = z.strictObject({ execution_id: commandId })

export const getArbitrageExecution = operation({
  context: 'partners',
  name: 'get-arbitrage-execution',
  method: 'GET',
  path: '/api/v1/partners/arbitrage/executions/{execution_id}',
  permission: 'partners:read',
  summary: 'Read an execution with its steps',
  request: { path: executionPath },
  responses: {
    200: {
      description: 'The execution, and what was done in which order',
      schema: z.object({ ...arbitrageExecution.shape, steps: z.array(arbitrageStep) }),
    },
  },
  rejections: ['not-found'],
})

export const resumeArbitrageExecution = operation({
  context: 'partners',
  name: 'resume-arbitrage-execution',
  method: 'POST',
  path: '/api/v1/partners/arbitrage/executions/{execution_id}/resume',
  permission: 'partners:write',
  summary: 'Go on with an execution that failed',
  description:
    'Starts its workflow again: what was done is not done again, what was decided goes out under the id that it had.',
  weight: 5,
  idempotency: 'none',
  request: { path: executionPath },
  responses: { 202: { description: 'It goes on', schema: arbitrageExecution } },
  rejections: ['not-found', 'execution-not-failed'],
})

const ppm = (most: number) =>
  z
    .number()
    .int()
    .min(0)
    .max(most)
    .meta({ examples: [Math.min(most, 10_000)] })

const assumptionTerms = {
  preemption_ppm: ppm(1_000_000).meta({
    description: 'What part of spot hours is taken away, and bought on demand instead',
  }),
  lock_in_recovery_ppm: ppm(1_000_000).meta({
    description: 'What part of a commitment beyond the hours is expected back by using or selling it',
  }),
  funding_ppm_per_year: ppm(1_000_000).meta({ description: 'A year’s interest on money that is tied up' }),
  margin_ppm: ppm(1_000_000).meta({ description: 'Put up for a future, as part of its price' }),
}

export const arbitragePolicyTerms = z.object({
  mode: z.enum(arbitrageModes).meta({
    description: 'off; dry_run: each minute decides and stores what it would do; live: does it',
  }),
  venues: z.array(venue).max(arbitrageVenues.length).meta({ description: 'That legs may be of' }),
  max_unit_hours: decimalText
    .refine(
      text => (micros(text) ?? Infinity) <= 100_000_000_000_000,
      'must be at most 100000000 unit-hours, with at most 6 digits after the point',
    )
    .meta({ description: 'Of one execution, at most 6 digits after the point', examples: ['1000'] }),
  max_outlay: usdText.meta({ description: 'USD, of one execution', examples: ['10000'] }),
  max_daily_outlay: usdText.meta({ description: 'USD, of those of the last 24 hours', examples: ['50000'] }),
  max_daily_loss: usdText.meta({
    description: 'USD: once executions of the last 24 hours have lost so much, nothing more is executed',
    examples: ['500'],
  }),
  max_daily_executions: z
    .number()
    .int()
    .min(0)
    .max(1_000)
    .meta({ description: 'In the last 24 hours', examples: [20] }),
  minimum_net: usdText.meta({ description: 'USD', examples: ['10'] }),
  minimum_return_ppm: ppm(1_000_000_000).meta({ description: 'Net as part of the outlay' }),
  unwind_slippage_ppm: ppm(500_000).meta({
    description: 'How far from its price a filled leg is traded back at most, where the other fails',
  }),
  ...assumptionTerms,
  regions: z
    .array(z.strictObject({ region, partner_regions: z.array(region).min(1).max(20) }))
    .max(50)
    .meta({ description: 'What partners call a region of the exchange; its own name always counts' }),
})
export type ArbitragePolicyTerms = z.infer<typeof arbitragePolicyTerms>

const scope = z.enum(['account', 'tenant']).optional().meta({
  description: 'account unless told; tenant: within what all accounts may, for which partners:manage is needed',
})

export const arbitragePolicy = z
  .object({
    scope: z.enum(['account', 'tenant']),
    version: z.number().int().meta({ description: '0: nobody has set any, and it is off' }),
    effective_mode: z.enum(arbitrageModes).meta({ description: 'The lesser of the account’s and the tenant’s mode' }),
    ...arbitragePolicyTerms.shape,
    set_at: instant.nullable(),
    set_by: z.string().nullable(),
  })
  .meta({ id: 'ArbitragePolicy' })

export const getArbitragePolicy = operation({
  context: 'partners',
  name: 'get-arbitrage-policy',
  method: 'GET',
  path: '/api/v1/partners/arbitrage/policy',
  permission: 'partners:read',
  summary: 'Read what the arbitrage engine may do by itself',
  request: { query: z.strictObject({ scope: scope.meta({ description: 'account unless told' }) }) },
  responses: { 200: { description: 'The policy', schema: arbitragePolicy } },
  rejections: ['account-not-open'],
})

export const setArbitragePolicy = operation({
  context: 'partners',
  name: 'set-arbitrage-policy',
  method: 'PUT',
  path: '/api/v1/partners/arbitrage/policy',
  permission: 'partners:write',
  summary: 'Set what the arbitrage engine may do by itself',
  description:
    'Off unless told, for the account and for the tenant: both must be on, and the narrower of both limits holds. What is not named stays as it is. Each decision is in GET /api/v1/partners/arbitrage/executions, also of a dry run.',
  weight: 5,
  idempotency: 'none',
  request: {
    query: z.strictObject({ scope }),
    body: z.strictObject({ ...arbitragePolicyTerms.partial().shape }),
  },
  responses: { 200: { description: 'The policy', schema: arbitragePolicy } },
  rejections: ['account-not-open'],
})

export const arbitrageOperations = [
  listArbitrageOpportunities,
  executeArbitrage,
  listArbitrageExecutions,
  getArbitrageExecution,
  resumeArbitrageExecution,
  getArbitragePolicy,
  setArbitragePolicy,
] as const
