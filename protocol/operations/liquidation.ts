import * as z from 'zod'
import { liquidationStates, liquidationStepKinds } from '../liquidation.ts'
import { operation } from '../operation.ts'
import {
  decimalText,
  instant,
  instrumentName,
  lane,
  pageOf,
  pageQuery,
  positiveDecimalText,
  signedDecimalText,
  usdText,
} from '../values.ts'
import { effectiveFrom, parameterVersion } from './parameters.ts'

/** What is done about accounts that need more than they have; among the operations of risk. */

const between = (low: number, high: number) =>
  z
    .number()
    .int()
    .min(low)
    .max(high)
    .meta({ examples: [high] })

const dayMillis = 86_400_000

export const liquidationTerms = z.object({
  grace_ms: between(0, dayMillis).meta({
    description: 'From a margin call until its liquidation begins, unless the account has enough by then',
  }),
  buffer_ppm: between(0, 500_000).meta({
    description: 'What part of equity is to be left over once it is restored: 100000 is a tenth',
  }),
  collar_ppm: between(0, 500_000).meta({
    description: 'How far from the mark its orders go at most, as part of the mark',
  }),
  tranche_notional: usdText
    .refine(text => /[1-9]/.test(text), 'must be greater than zero')
    .meta({
      description: 'USD at the mark that one order is of at most, or a hundredth of the position where that is more',
    }),
  tranche_pause_ms: between(0, 60_000).meta({ description: 'Between two orders' }),
  most_dry_tries: between(1, 100).meta({
    description: 'So often in a row a book may give nothing until the position is left to the auction',
  }),
  auction_ms: between(1_000, dayMillis).meta({ description: 'How long market makers may bid' }),
  auction_reserve_ppm: between(0, 1_000_000).meta({
    description: 'How far from the mark the worst bid may be that is taken, as part of the mark',
  }),
  most_auctions: between(0, 10).meta({ description: 'After so many it waits for a person' }),
  fund_limit_ppm: between(0, 1_000_000).meta({
    description:
      'What part of its highest balance of eight hours the insurance fund pays in eight hours before winners share a loss',
  }),
})
export type LiquidationTerms = z.infer<typeof liquidationTerms>

export const liquidationParameters = z
  .object({
    ...parameterVersion,
    ...liquidationTerms.shape,
  })
  .meta({ id: 'LiquidationParameters' })

export const getLiquidationParameters = operation({
  context: 'risk',
  name: 'get-liquidation-parameters',
  method: 'GET',
  path: '/api/v1/risk/liquidation-parameters',
  permission: 'risk:read',
  summary: 'Read by what rules accounts are liquidated',
  request: {},
  responses: { 200: { description: 'The parameters that hold', schema: liquidationParameters } },
  rejections: [],
})

export const setLiquidationParameters = operation({
  context: 'risk',
  name: 'set-liquidation-parameters',
  method: 'PUT',
  path: '/api/v1/risk/liquidation-parameters',
  permission: 'risk:write',
  summary: 'Set by what rules accounts are liquidated, from an instant on',
  description:
    'What is not named stays as it holds at that instant; a change is also in versions that begin after it and do not name it. Grace is that of the moment of the call; all else is read before each step.',
  weight: 5,
  idempotency: 'none',
  request: {
    body: z.strictObject({
      effective_from: effectiveFrom,
      ...liquidationTerms.partial().shape,
    }),
  },
  responses: { 200: { description: 'The new version', schema: liquidationParameters } },
  rejections: [],
})

export const liquidation = z
  .object({
    liquidation_id: z.uuid(),
    account: z.string(),
    lane,
    liquidation_state: z.enum(liquidationStates).meta({
      description:
        'called: until grace_ends_at it is only called; recovered: it had enough by then; failed: it waits for a person',
    }),
    called_at: instant,
    grace_ends_at: instant,
    epoch_version: z.number().int().meta({ description: 'Of risk, by which it was called' }),
    called_equity: signedDecimalText,
    called_requirement: signedDecimalText,
    equity: signedDecimalText.meta({ description: 'As the engine told it last' }),
    requirement: signedDecimalText.meta({ description: 'As the engine told it last' }),
    begun_at: instant.nullable(),
    ended_at: instant.nullable(),
    attempt: z.number().int().meta({ description: 'Counts how often its workflow was started' }),
    failure: z.string().nullable().meta({ description: 'See docs/runbooks/liquidation-failed.md' }),
  })
  .meta({ id: 'Liquidation' })

export const liquidationStep = z
  .object({
    step: z.number().int(),
    step_kind: z.enum(liquidationStepKinds),
    step_state: z.enum(['decided', 'done']),
    decided_at: instant,
    done_at: instant.nullable(),
    command_id: z.string().nullable().meta({ description: 'Of the command that did it' }),
    reject_reason: z.string().nullable().meta({ description: "The engine's no" }),
    numbers: z.record(z.string(), z.unknown()).meta({
      description:
        'What justifies it: USD as decimals, lots and ticks as whole numbers; of a haircut the certificate that none is smaller',
    }),
    result: z
      .record(z.string(), z.unknown())
      .nullable()
      .meta({ description: 'What came of it, as the engine told it' }),
  })
  .meta({ id: 'LiquidationStep' })

const liquidationPath = z.strictObject({ liquidation_id: z.uuid() })

export const listLiquidations = operation({
  context: 'risk',
  name: 'list-liquidations',
  method: 'GET',
  path: '/api/v1/risk/liquidations',
  permission: 'risk:read',
  summary: 'List margin calls and what was done about them, newest first',
  description:
    'Your own; those who watch over risk see those of all accounts of a lane. A call of a moment ago may not be in the list yet.',
  weight: 2,
  request: {
    query: z.strictObject({
      ...pageQuery,
      lane: z
        .string()
        .regex(/^[1-9][0-9]{0,4}$/, 'must be the number of a lane')
        .refine(digits => Number(digits) <= 65_535, 'must be the number of a lane')
        .optional()
        .meta({ description: "For those who see all: the tenant's first unless told" }),
    }),
  },
  responses: { 200: { description: 'A page of liquidations', schema: pageOf(liquidation) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

export const getLiquidation = operation({
  context: 'risk',
  name: 'get-liquidation',
  method: 'GET',
  path: '/api/v1/risk/liquidations/{liquidation_id}',
  permission: 'risk:read',
  summary: 'Read a liquidation with its audit trail',
  description:
    'Each step in order, with the numbers that it was decided by and what came of it. A haircut carries the solution of its linear programme with the dual as certificate.',
  weight: 2,
  request: { path: liquidationPath, query: z.strictObject(pageQuery) },
  responses: {
    200: {
      description: 'The liquidation and a page of its steps',
      schema: z.object({
        ...liquidation.shape,
        steps: z.array(liquidationStep),
        next_cursor: z.string().nullable().meta({ description: 'Of the steps; null at the end' }),
      }),
    },
  },
  rejections: ['not-found', 'invalid-cursor'],
})

export const resumeLiquidation = operation({
  context: 'risk',
  name: 'resume-liquidation',
  method: 'POST',
  path: '/api/v1/risk/liquidations/{liquidation_id}/resume',
  permission: 'risk:write',
  summary: 'Go on with a liquidation that failed',
  description:
    'Starts its workflow again: what was done is not done again, what was decided and not confirmed goes out under the id that it had. Auctions and tries are counted from here.',
  weight: 5,
  idempotency: 'none',
  request: { path: liquidationPath },
  responses: { 202: { description: 'It goes on', schema: liquidation } },
  rejections: ['not-found', 'liquidation-not-failed'],
})

export const backstopAuction = z
  .object({
    auction_id: z.uuid(),
    lane,
    auction_state: z
      .enum(['open', 'closed', 'ended'])
      .meta({ description: 'ended: awarded as far as anybody took it' }),
    opened_at: instant,
    deadline: instant,
    lots: z.array(
      z.object({
        instrument_name: z.string(),
        direction: z.enum(['buy', 'sell']).meta({ description: 'What a winner does: buy what was long' }),
        amount: decimalText,
        mark_price: decimalText,
        reserve_price: decimalText.meta({ description: 'The worst that is taken: see direction' }),
      }),
    ),
    own_bids: z
      .array(z.object({ instrument_name: z.string(), price: decimalText, amount: decimalText }))
      .meta({ description: 'Yours, as they stand' }),
  })
  .meta({ id: 'BackstopAuction' })

export const listBackstopAuctions = operation({
  context: 'risk',
  name: 'list-backstop-auctions',
  method: 'GET',
  path: '/api/v1/risk/backstop-auctions',
  permission: 'backstop:read',
  summary: 'List backstop auctions of your lane, newest first',
  weight: 2,
  request: { query: z.strictObject(pageQuery) },
  responses: { 200: { description: 'A page of auctions', schema: pageOf(backstopAuction) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

/** As many as one position each of an account that can trade hundreds of markets. */
const mostBids = 500

export const bidInBackstopAuction = operation({
  context: 'risk',
  name: 'bid-in-backstop-auction',
  method: 'POST',
  path: '/api/v1/risk/backstop-auctions/{auction_id}/bids',
  permission: 'backstop:bid',
  summary: 'Bid for positions of an account that is liquidated',
  description:
    'Your last bids before the deadline stand, in place of those before; an empty list takes them back. The best prices win, each at its own; where the lots end within a price they are shared in proportion. What you win is transferred at once if you have the margin for it; if not, you are passed over.',
  idempotency: 'none',
  request: {
    path: z.strictObject({ auction_id: z.uuid() }),
    body: z.strictObject({
      bids: z
        .array(
          z.strictObject({ instrument_name: instrumentName, price: positiveDecimalText, amount: positiveDecimalText }),
        )
        .max(mostBids),
    }),
  },
  responses: { 200: { description: 'The auction with your bids', schema: backstopAuction } },
  rejections: [
    'account-not-open',
    'not-found',
    'auction-over',
    'price-off-tick',
    'price-out-of-range',
    'amount-off-lot',
    'amount-out-of-range',
  ],
})

export const liquidationOperations = [
  getLiquidationParameters,
  setLiquidationParameters,
  listLiquidations,
  getLiquidation,
  resumeLiquidation,
  listBackstopAuctions,
  bidInBackstopAuction,
] as const
