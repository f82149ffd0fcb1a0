import * as z from 'zod'
import { operation } from '../operation.ts'
import {
  commandId,
  commandOutcome,
  decimalText,
  instant,
  instrumentName,
  orderId,
  pageOf,
  pageQuery,
  positiveDecimalText,
} from '../values.ts'

/** A market maker's own name for quotes that are protected together. */
export const quoteGroup = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,31}$/, 'must be 1 to 32 letters, digits and . _ : @ / + = -')

export const mostQuotes = 100
const longestMillis = 24 * 60 * 60 * 1_000
const maxLots = 2_147_483_647

const direction = z.enum(['buy', 'sell'])
const side = z.strictObject({ price: positiveDecimalText, amount: positiveDecimalText })
const groupPath = z.strictObject({ group: quoteGroup })
const distinct = <Value>(values: readonly Value[]) => new Set(values).size === values.length

export const quoteOutcome = z
  .object({
    command_id: commandId,
    quote_state: z.enum(['pending', 'quoted', 'rejected']),
    accepted_sides: z
      .int()
      .nullable()
      .meta({ description: 'Sides that now stand as asked for, those that were left out among them' }),
    rejected_sides: z.array(z.object({ instrument_name: z.string(), direction, code: z.string() })),
    reject_reason: z.string().nullable().meta({ description: 'Of the command as a whole' }),
    timestamp: instant.nullable(),
  })
  .meta({ id: 'QuoteOutcome' })

export const putQuotes = operation({
  context: 'market-making',
  name: 'put-quotes',
  method: 'PUT',
  path: '/api/v1/market-making/quotes',
  permission: 'quotes:write',
  summary: 'Quote in up to 100 instruments by one command',
  description:
    'Each side replaces the one that the account has in that instrument, in one step; a side that is left out cancels it. An instrument that is not named stays as it is. Each side is accepted or rejected by itself; whatever is refused before the order stream hears of it refuses the whole.',
  weight: 2,
  admission: 'handler',
  request: {
    body: z.strictObject({
      group: quoteGroup,
      quotes: z
        .array(z.strictObject({ instrument_name: instrumentName, bid: side.optional(), ask: side.optional() }))
        .min(1)
        .max(mostQuotes)
        .refine(
          quotes => distinct(quotes.map(({ instrument_name }) => instrument_name)),
          'must not name an instrument twice',
        ),
    }),
  },
  responses: {
    202: { description: 'Taken by the order stream', schema: quoteOutcome },
    200: { description: 'The outcome (with Prefer: wait=<seconds>)', schema: quoteOutcome },
  },
  rejections: [
    'account-not-open',
    'unknown-instrument',
    'instrument-in-other-lane',
    'price-off-tick',
    'amount-off-lot',
    'price-out-of-range',
    'amount-out-of-range',
    'idempotency-conflict',
    'lane-behind',
    'lane-halted',
  ],
})

export const getQuoteOutcome = operation({
  context: 'market-making',
  name: 'get-quote-outcome',
  method: 'GET',
  path: '/api/v1/market-making/quotes/{command_id}',
  permission: 'quotes:read',
  summary: 'Read what became of one of your mass quotes',
  request: { path: z.strictObject({ command_id: commandId }) },
  responses: { 200: { description: 'The outcome', schema: quoteOutcome } },
  rejections: ['account-not-open', 'not-found'],
})

export const standingQuote = z
  .object({
    order_id: orderId,
    group: z.string(),
    instrument_name: z.string(),
    direction,
    price: decimalText,
    amount: decimalText.meta({ description: 'What is left of it' }),
    creation_timestamp: instant,
    last_update_timestamp: instant,
  })
  .meta({ id: 'StandingQuote' })

export const listQuotes = operation({
  context: 'market-making',
  name: 'list-quotes',
  method: 'GET',
  path: '/api/v1/market-making/quotes',
  permission: 'quotes:read',
  summary: 'List the sides of your quotes that stand',
  weight: 2,
  request: { query: z.strictObject({ ...pageQuery, instrument_name: instrumentName.optional() }) },
  responses: { 200: { description: 'A page of sides, newest first', schema: pageOf(standingQuote) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

export const protection = z
  .object({
    group: z.string(),
    interval_ms: z.int(),
    frozen_ms: z.int().meta({ description: '0: until it is reset' }),
    amount_limit_lots: z.int().meta({ description: '0: none' }),
    delta_limit_lots: z.int().meta({ description: '0: none' }),
    is_frozen: z.boolean(),
    frozen_until: instant.nullable().meta({ description: 'null: not frozen, or until it is reset' }),
    last_triggered_at: instant.nullable(),
  })
  .meta({ id: 'MarketMakerProtection' })

const accepted = {
  202: { description: 'Taken by the order stream', schema: commandOutcome },
  200: { description: 'Done (with Prefer: wait=<seconds>)', schema: commandOutcome },
} as const

export const setProtection = operation({
  context: 'market-making',
  name: 'set-protection',
  method: 'PUT',
  path: '/api/v1/market-making/protection/{group}',
  permission: 'quotes:write',
  summary: 'Set how much of a group’s quotes may trade within how long',
  description:
    'A breach pulls all quotes of the group, and refuses new ones for `frozen_ms`. Limits count minimum trade amounts over the instruments of the group: `amount_limit_lots` both sides added, `delta_limit_lots` one against the other.',
  request: {
    path: groupPath,
    body: z.strictObject({
      interval_ms: z.int().min(1).max(longestMillis),
      frozen_ms: z.int().min(0).max(longestMillis),
      amount_limit_lots: z.int().min(0).max(maxLots).default(0),
      delta_limit_lots: z.int().min(0).max(maxLots).default(0),
    }),
  },
  responses: accepted,
  rejections: ['account-not-open', 'idempotency-conflict'],
})

export const getProtection = operation({
  context: 'market-making',
  name: 'get-protection',
  method: 'GET',
  path: '/api/v1/market-making/protection/{group}',
  permission: 'quotes:read',
  summary: 'Read the protection of one of your groups',
  request: { path: groupPath },
  responses: { 200: { description: 'The protection', schema: protection } },
  rejections: ['account-not-open', 'unknown-protection'],
})

export const resetProtection = operation({
  context: 'market-making',
  name: 'reset-protection',
  method: 'POST',
  path: '/api/v1/market-making/protection/{group}/reset',
  permission: 'quotes:write',
  summary: 'Let a group quote again after a breach',
  request: { path: groupPath },
  responses: accepted,
  rejections: ['account-not-open', 'unknown-protection', 'idempotency-conflict'],
})

const shortestTimeoutMillis = 1_000
const longestTimeoutMillis = 60 * 60 * 1_000

export const deadMan = z
  .object({
    timeout_ms: z.int().meta({ description: '0: off' }),
    expires_at: instant.nullable(),
    last_fired_at: instant.nullable(),
    cancelled_orders: z.int().nullable().meta({ description: 'When it last fired' }),
  })
  .meta({ id: 'DeadMan' })

export const setDeadMan = operation({
  context: 'market-making',
  name: 'set-dead-man',
  method: 'PUT',
  path: '/api/v1/market-making/dead-man',
  permission: 'orders:write',
  summary: 'Have all your orders cancelled unless you set this again in time',
  description: 'Set it again before it expires, and it starts anew. When it has fired it is off.',
  usesReserve: true,
  weight: 0.1,
  request: {
    body: z.strictObject({
      timeout_ms: z
        .int()
        .min(0)
        .max(longestTimeoutMillis)
        .refine(
          millis => millis === 0 || millis >= shortestTimeoutMillis,
          `must be 0 (off), or from ${shortestTimeoutMillis} to ${longestTimeoutMillis}`,
        )
        .meta({ description: 'From a second to an hour; 0 is off', examples: [5_000] }),
    }),
  },
  responses: accepted,
  rejections: ['account-not-open', 'idempotency-conflict'],
})

export const getDeadMan = operation({
  context: 'market-making',
  name: 'get-dead-man',
  method: 'GET',
  path: '/api/v1/market-making/dead-man',
  permission: 'orders:read',
  summary: 'Read your dead-man timer',
  request: {},
  responses: { 200: { description: 'The timer', schema: deadMan } },
  rejections: ['account-not-open'],
})

const quoteBudgetTerms = {
  lots: z
    .int()
    .min(1)
    .max(maxLots)
    .meta({ description: 'So many may fill until the protections stop the rest, whatever market they are of' }),
  largest_quote_lots: z
    .int()
    .min(1)
    .max(maxLots)
    .meta({ description: 'No side of a quote is larger; at most half of lots' }),
  lot_loss: positiveDecimalText.meta({
    description: 'USD: no lot may need more at its price, its worst scenario, add-ons and fee taken together',
  }),
  lot_cap: positiveDecimalText.meta({
    description: 'USD: no lot may be worth more at the highest price of its market',
  }),
}

export const quoteBudget = z
  .object({
    terms: z.object(quoteBudgetTerms).nullable().meta({ description: 'null: each quote needs margin as any order' }),
    reserved: decimalText.meta({ description: 'USD put by of equity when all of it is there' }),
  })
  .meta({ id: 'QuoteBudget' })

export const setQuoteBudget = operation({
  context: 'market-making',
  name: 'set-quote-budget',
  method: 'PUT',
  path: '/api/v1/market-making/quote-budget',
  permission: 'quotes:write',
  summary: 'Put margin by for all your quotes, so that none needs any',
  description:
    'lots × lot_loss is put by; quotes within the terms then need no margin each, in groups whose protection limits the amount. What fills is taken from the lots; with fewer than two of the largest left all quotes are pulled, and the next quotes fill the budget up as far as margin allows. The protections’ amounts, each with one largest quote, may not be more than lots. null releases it. With no quote standing only.',
  request: { body: z.strictObject({ terms: z.strictObject(quoteBudgetTerms).nullable() }) },
  responses: accepted,
  rejections: [
    'account-not-open',
    'engine-version-needed',
    'quotes-standing',
    'quote-budget-below-protection',
    'amount-out-of-range',
    'insufficient-funds',
    'insufficient-margin',
    'idempotency-conflict',
  ],
})

export const getQuoteBudget = operation({
  context: 'market-making',
  name: 'get-quote-budget',
  method: 'GET',
  path: '/api/v1/market-making/quote-budget',
  permission: 'quotes:read',
  summary: 'Read what margin is put by for your quotes',
  request: {},
  responses: { 200: { description: 'The budget', schema: quoteBudget } },
  rejections: ['account-not-open'],
})

export const obligation = z
  .object({
    account: z.string(),
    instrument_name: z.string(),
    date: z.iso.date(),
    measured_ms: z.int().meta({ description: 'Continuous trading under an obligation, on that day so far' }),
    compliant_ms: z.int().meta({ description: 'Of it, with both sides at the required spread and size' }),
    compliant_share: decimalText.nullable().meta({ description: 'null while nothing was measured' }),
    measured_until: instant,
  })
  .meta({ id: 'QuotingObligation' })

export const listObligations = operation({
  context: 'market-making',
  name: 'list-obligations',
  method: 'GET',
  path: '/api/v1/market-making/obligations',
  permission: 'obligations:read',
  summary: 'Read for how long market makers have quoted as they are obliged to',
  description:
    'Of your own account; with `obligations:read-any` of every account that has quoted there on that day. Measured on quotes from the events of the lane alone.',
  weight: 2,
  request: {
    query: z.strictObject({
      ...pageQuery,
      instrument_name: instrumentName,
      date: z.iso.date().optional().meta({ description: 'A day in UTC; today unless told' }),
    }),
  },
  responses: { 200: { description: 'A page, by account', schema: pageOf(obligation) } },
  rejections: ['unknown-instrument', 'invalid-cursor'],
})

const instrumentPath = z.strictObject({ instrument_name: instrumentName })
const share = z
  .string()
  .regex(/^(?:0|1)(?:\.[0-9]{1,6})?$/, 'must be a part such as "0.02", of at most six digits after the point')
  .refine(text => /[1-9]/.test(text), 'must be greater than zero')

export const obligationTerms = z
  .object({
    instrument_name: z.string(),
    version: z.int().min(1),
    max_spread: decimalText,
    min_amount: decimalText,
    effective_from: instant,
  })
  .meta({ id: 'QuotingObligationTerms' })

export const setObligation = operation({
  context: 'market-making',
  name: 'set-obligation',
  method: 'PUT',
  path: '/api/v1/market-making/obligations/{instrument_name}',
  permission: 'obligations:write',
  summary: 'Set at which spread and size market makers are to quote an instrument',
  description:
    'Holds from five seconds later on, so that whoever measures knows it by then, and what was measured before stays as it was. Setting what is set already changes nothing.',
  idempotency: 'none',
  request: {
    path: instrumentPath,
    body: z.strictObject({
      max_spread: share.meta({ description: 'Ask less bid, as a part of the middle between them', examples: ['0.02'] }),
      min_amount: positiveDecimalText,
    }),
  },
  responses: { 200: { description: 'The terms that hold from then on', schema: obligationTerms } },
  rejections: ['unknown-instrument', 'amount-off-lot', 'amount-out-of-range'],
})

export const getObligation = operation({
  context: 'market-making',
  name: 'get-obligation',
  method: 'GET',
  path: '/api/v1/market-making/obligations/{instrument_name}',
  permission: 'obligations:read',
  summary: 'Read the newest terms at which market makers are to quote an instrument',
  request: { path: instrumentPath },
  responses: { 200: { description: 'The terms', schema: obligationTerms } },
  rejections: ['unknown-instrument', 'not-found'],
})

export const marketMakingOperations = [
  putQuotes,
  getQuoteOutcome,
  listQuotes,
  setProtection,
  getProtection,
  resetProtection,
  setDeadMan,
  getDeadMan,
  setQuoteBudget,
  getQuoteBudget,
  listObligations,
  setObligation,
  getObligation,
] as const
