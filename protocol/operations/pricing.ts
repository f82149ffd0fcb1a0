import * as z from 'zod'
import { operation } from '../operation.ts'
import { decimalText, instant, instrumentName, lane, positiveDecimalText, signedDecimalText } from '../values.ts'
import { effectiveFrom, readAt, versionByUnderlying } from './parameters.ts'

const seriesName = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._-]{0,63}$/, 'must be 1 to 64 upper-case letters, digits and . _ -, such as H100.USE')

const underlying = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._]{0,30}$/, 'must be 1 to 31 upper-case letters, digits and . _, such as H100.USE')

const isoDate = z.iso.date().meta({ description: 'A day (UTC)', examples: ['2026-11-27'] })

const sixDigits = (text: string): boolean => (text.split('.')[1]?.length ?? 0) <= 6
const share = (most: number) =>
  decimalText
    .refine(text => Number(text) <= most, `must be at most ${most}`)
    .refine(sixDigits, 'must have at most six digits after the point')
const positiveShare = (most: number) => share(most).refine(text => /[1-9]/.test(text), 'must be greater than zero')
const millisBetween = (low: number, high: number) =>
  z
    .number()
    .int()
    .min(low)
    .max(high)
    .meta({ examples: [high] })

const dayMillis = 86_400_000

/** How marks are made of an underlying, or of all that have none of their own. */
export const markingTerms = z.object({
  rate: share(1).meta({ description: 'Continuously compounded, a year: 0.04 is 4 %' }),
  default_volatility: positiveShare(1_000).meta({
    description: 'In volatility points (80 is 80 %): of an expiration that has no quotes and never had any',
  }),
  correlation: share(0.99).meta({ description: 'Of the logarithms of two indices that one payoff observes' }),
  max_spread: positiveShare(1).meta({ description: 'A book that is wider, as part of its mid, does not count' }),
  max_deviation: positiveShare(1).meta({
    description: 'How far a mark may be from the price that follows from the index, as part of it',
  }),
  basis_half_life_ms: millisBetween(1_000, 30 * dayMillis).meta({
    description: 'In which half of a new distance between book and index is taken over',
  }),
  last_trade_max_age_ms: millisBetween(1_000, 30 * dayMillis).meta({ description: 'An older trade does not count' }),
  slice_max_age_ms: millisBetween(60_000, 365 * dayMillis).meta({
    description: 'How long a fitted volatility stands in for quotes that are missing',
  }),
  move: positiveShare(1).meta({
    description: 'A best price or trade this far from the last mark makes new marks at once',
  }),
  min_interval_ms: millisBetween(1_000, 60_000).meta({ description: 'Between two such passes of an underlying' }),
  interval_ms: millisBetween(10_000, 60_000).meta({ description: 'Between two passes over all; a minute unless told' }),
  monte_carlo_pairs: z
    .number()
    .int()
    .min(100)
    .max(20_000)
    .meta({ examples: [2_000], description: 'Antithetic pairs of paths of a payoff that has no closed form' }),
})
export type MarkingTerms = z.infer<typeof markingTerms>

export const markingParameters = z
  .object({
    ...versionByUnderlying,
    ...markingTerms.shape,
  })
  .meta({ id: 'MarkingParameters' })

export const getMarkingParameters = operation({
  context: 'pricing',
  name: 'get-marking-parameters',
  method: 'GET',
  path: '/api/v1/marking-parameters',
  permission: 'markets:read',
  summary: 'Read how marks are made',
  request: {
    query: z.strictObject({
      underlying: underlying.optional().meta({ description: 'Of this one, or what stands for it' }),
      at: readAt,
    }),
  },
  responses: { 200: { description: 'The parameters that hold', schema: markingParameters } },
  rejections: [],
})

export const setMarkingParameters = operation({
  context: 'pricing',
  name: 'set-marking-parameters',
  method: 'PUT',
  path: '/api/v1/marking-parameters',
  permission: 'markets:write',
  summary: 'Set how marks are made, from an instant on',
  description:
    'What is not named stays as it holds at that instant, and later versions keep what they name themselves: a change is also in those that begin after it and do not name it. Of two that name the same, the one that took effect last holds, of two of one instant the later.',
  weight: 5,
  idempotency: 'none',
  request: {
    body: z.strictObject({
      underlying: underlying.optional().meta({ description: 'Unless told, of all that have none of their own' }),
      effective_from: effectiveFrom,
      ...markingTerms.partial().shape,
    }),
  },
  responses: { 200: { description: 'The new version', schema: markingParameters } },
  rejections: [],
})

const points = decimalText.meta({ description: 'Volatility points: 65.2 is 65.2 % a year' })

const slice = z.object({
  expiration_timestamp: instant,
  underlying_instrument: z.string().nullable().meta({ description: 'The future whose mark the forward is' }),
  forward: decimalText,
  at_the_money_iv: points,
  model: z.literal('SSVI').meta({
    description:
      'Total variance w(k) = θ/2 (1 + ρφk + √((φk + ρ)² + 1 − ρ²)), k = ln(strike/forward); volatility is √(w/time_years)',
  }),
  theta: z.number(),
  rho: z.number(),
  phi: z.number(),
  time_years: z.number().meta({ description: 'Effective: what of the averaging lies ahead counts as it varies' }),
  quotes: z.number().int().meta({ description: 'Strikes with quotes that it was fitted to' }),
  fit_error: points.meta({ description: 'Root mean square of what the fit misses' }),
  points: z.array(z.object({ strike: decimalText, iv: points, market_iv: points.nullable() })),
  flags: z.array(z.string()),
  timestamp: instant,
})

export const volatilitySurface = z
  .object({ underlying: z.string(), slices: z.array(slice) })
  .meta({ id: 'VolatilitySurface' })

const underlyingPath = z.strictObject({ underlying })

export const getVolatilitySurface = operation({
  context: 'pricing',
  name: 'get-volatility-surface',
  method: 'GET',
  path: '/api/v1/volatility-surfaces/{underlying}',
  permission: 'markets:read',
  summary: 'Read the volatility surface that options are marked by',
  description:
    'One slice an expiration, free of arbitrage between strikes by construction. Flags say what it rests on (stored-slice, default-volatility) and what is wrong with the quotes themselves (quotes-vertical-arbitrage, quotes-butterfly-arbitrage, quotes-parity-arbitrage, calendar-arbitrage, poor-fit).',
  weight: 2,
  request: { path: underlyingPath },
  responses: { 200: { description: 'The slices, nearest expiration first', schema: volatilitySurface } },
  rejections: ['not-found'],
})

const indexTerm = z.object({
  expiration_timestamp: instant,
  minutes: z.number(),
  forward: z.number(),
  central_strike: z.number(),
  variance: z.number(),
  strikes: z.array(z.object({ strike: z.number(), spacing: z.number(), mid: z.number(), contribution: z.number() })),
})

export const volatilityIndex = z
  .object({
    underlying: z.string(),
    value: points,
    target_days: z.number(),
    rate: z.number(),
    near: indexTerm,
    next: indexTerm,
    timestamp: instant,
  })
  .meta({ id: 'VolatilityIndex' })

export const getVolatilityIndex = operation({
  context: 'pricing',
  name: 'get-volatility-index',
  method: 'GET',
  path: '/api/v1/volatility-indices/{underlying}',
  permission: 'markets:read',
  summary: 'Compute the 30-day volatility index of an underlying from its live books',
  description:
    'By the method of the Cboe Volatility Index (2022): the variance of the two expirations around 30 days (or the two nearest), each from its best bids and asks. Every number that it follows from is in the answer.',
  weight: 5,
  request: { path: underlyingPath },
  responses: { 200: { description: 'The index and what it is made of', schema: volatilityIndex } },
  rejections: ['not-found', 'not-priceable'],
})

export const swapCurve = z
  .object({
    index: z.string(),
    level: decimalText.nullable(),
    rate: decimalText,
    months: z.array(
      z.object({
        month: z.string().meta({ examples: ['2026-12'] }),
        forward: decimalText.meta({ description: 'Mean of the index in that month, as the market has it' }),
        source: z.enum(['fixings', 'future', 'swap', 'interpolated', 'extrapolated']),
        discount_factor: decimalText,
        par_rate: decimalText.meta({
          description: 'Fixed rate of a swap from the first month up to and with this one',
        }),
      }),
    ),
    timestamp: instant,
  })
  .meta({ id: 'SwapCurve' })

export const getSwapCurve = operation({
  context: 'pricing',
  name: 'get-swap-curve',
  method: 'GET',
  path: '/api/v1/swap-curves/{index}',
  permission: 'markets:read',
  summary: 'Read the forwards and par rates of an index, bootstrapped from the marks of its futures and swaps',
  weight: 5,
  request: { path: z.strictObject({ index: seriesName }) },
  responses: { 200: { description: 'Month by month', schema: swapCurve } },
  rejections: ['unknown-index', 'not-priceable'],
})

export const payoffTemplate = z
  .discriminatedUnion('template', [
    z.strictObject({
      template: z.literal('autocallable'),
      terms: z.strictObject({
        index: seriesName,
        initial_level: z.number().positive(),
        dates: z.array(isoDate).min(1).max(24),
        autocall_level: z.number().positive(),
        coupon_per_period: z.number().nonnegative(),
        knock_in_level: z.number().positive(),
      }),
    }),
    z.strictObject({
      template: z.literal('reverse_convertible'),
      terms: z.strictObject({
        index: seriesName,
        strike_level: z.number().positive(),
        coupon: z.number().nonnegative(),
        date: isoDate,
      }),
    }),
    z.strictObject({
      template: z.literal('range_accrual'),
      terms: z.strictObject({
        index: seriesName,
        dates: z.array(isoDate).min(1).max(400),
        low: z.number().nonnegative(),
        high: z.number().positive(),
        coupon: z.number().positive(),
      }),
    }),
    z.strictObject({
      template: z.literal('cliquet'),
      terms: z.strictObject({
        index: seriesName,
        start: isoDate,
        dates: z.array(isoDate).min(1).max(400),
        floor: z.number(),
        cap: z.number(),
      }),
    }),
    z.strictObject({
      template: z.literal('compute_cost_cap'),
      terms: z.strictObject({
        index: seriesName,
        dates: z.array(isoDate).min(1).max(400),
        cap_level: z.number().nonnegative(),
        most_paid: z.number().positive(),
      }),
    }),
  ])
  .meta({ description: 'Terms in, payoff out: see GET /api/v1/structured-products/templates' })
export type PayoffTemplate = z.infer<typeof payoffTemplate>

/** A tree of its own language, checked node by node by the domain (payoff-tree.ts), or a template with its terms. */
const payoff = z.record(z.string(), z.unknown()).meta({
  description:
    'A payoff tree, per unit in USD; or { template, terms } as in GET /api/v1/structured-products/templates, of which the tree is made',
  examples: [{ op: 'pay', amount: { op: 'constant', value: 1 }, date: '2046-01-02' }],
})

export const previewStructuredProduct = operation({
  context: 'pricing',
  name: 'preview-structured-product',
  method: 'POST',
  path: '/api/v1/structured-products/preview',
  permission: 'products:preview',
  summary: 'Check and price a payoff without listing it',
  description:
    'Proves the least and the most that a unit can pay, and prices it: exactly where it is a sum of parts that each depend on one level or return, else by Monte Carlo with its standard error. The same request gives the same numbers for as long as the market stands still.',
  weight: 5,
  idempotency: 'none',
  request: {
    body: z.strictObject({
      payoff,
      tick_size: positiveDecimalText.default('0.000001').meta({ description: 'To which max_price is rounded up' }),
      paths: z
        .number()
        .int()
        .min(1_000)
        .max(200_000)
        .meta({ examples: [20_000] })
        .default(20_000)
        .meta({ description: 'Of a Monte Carlo; fewer where the payoff is large, so that the answer comes in time' }),
      levels: z
        .record(seriesName, positiveDecimalText)
        .meta({ examples: [{ 'H100.USE': '2.5' }] })
        .optional()
        .meta({ description: 'Levels of indices to assume instead of those of now' }),
      volatilities: z
        .record(seriesName, positiveDecimalText)
        .meta({ examples: [{ 'H100.USE': '65' }] })
        .optional()
        .meta({ description: 'Volatility points of indices to assume instead of those of the surfaces' }),
    }),
  },
  responses: {
    200: {
      description: 'What it is worth, and can be at most',
      schema: z.object({
        payoff,
        lowest: signedDecimalText,
        highest: signedDecimalText,
        max_price: decimalText.meta({ description: 'highest, rounded up to a tick: what a listing takes' }),
        value: decimalText,
        standard_error: decimalText.meta({ description: '0 where the value is no estimate' }),
        method: z.enum(['constant', 'quadrature', 'monte-carlo']),
        paths: z.number().int().nonnegative(),
        indices: z.array(z.object({ index: z.string(), level: decimalText, iv: points, is_default_iv: z.boolean() })),
        payment_dates: z.array(z.string()),
      }),
    },
  },
  rejections: ['payoff-refused', 'unknown-index', 'index-unavailable', 'not-priceable'],
})

const commission = decimalText.meta({ description: 'Part of notional, at most six digits', examples: ['0.0005'] })

export const createStructuredProduct = operation({
  context: 'pricing',
  name: 'create-structured-product',
  method: 'POST',
  path: '/api/v1/structured-products',
  permission: 'markets:write',
  summary: 'Check, price and list a structured product',
  description:
    'Named by instrument_name: repeating the same gives the same answer, another one 409. A payoff that is not bounded, or could pay less than nothing, is refused with the node at fault. max_price is the proved largest payment.',
  weight: 5,
  request: {
    body: z.strictObject({
      instrument_name: instrumentName
        .optional()
        .meta({ description: 'Made of the terms unless told (docs/instrument-names.md)' }),
      underlying,
      payoff,
      tick_size: positiveDecimalText,
      min_trade_amount: positiveDecimalText,
      contract_size: positiveDecimalText.optional().meta({ description: '1 unless told' }),
      max_price: positiveDecimalText
        .optional()
        .meta({ description: 'At least the largest payment, which it is unless told' }),
      position_limit: decimalText.default('0').meta({ description: 'Units; 0 is none' }),
      maker_commission: commission.default('0'),
      taker_commission: commission.default('0.0005'),
      expiration_timestamp: z.iso.datetime().meta({ description: 'On the day of the last payment' }),
      lane: lane.optional(),
    }),
  },
  responses: {
    202: {
      description: 'Taken by the order stream',
      schema: z.object({
        instrument_name: z.string(),
        max_price: decimalText,
        value: decimalText,
        standard_error: decimalText,
      }),
    },
    200: {
      description: 'Listed (with Prefer: wait=<seconds>)',
      schema: z.object({
        instrument_name: z.string(),
        max_price: decimalText,
        value: decimalText,
        standard_error: decimalText,
      }),
    },
  },
  rejections: [
    'payoff-refused',
    'unknown-index',
    'index-unavailable',
    'not-priceable',
    'invalid-specification',
    'instrument-exists',
    'instrument-limit',
    'idempotency-conflict',
    'engine-version-needed',
  ],
})

export const listStructuredProductTemplates = operation({
  context: 'pricing',
  name: 'list-structured-product-templates',
  method: 'GET',
  path: '/api/v1/structured-products/templates',
  permission: 'markets:read',
  summary: 'List the templates of structured products, each with an example and the payoff it makes',
  request: {},
  responses: {
    200: {
      description: 'The templates',
      schema: z.object({
        data: z.array(
          z.object({ name: z.string(), description: z.string(), example: z.record(z.string(), z.unknown()), payoff }),
        ),
      }),
    },
  },
  rejections: [],
})

export const pricingOperations = [
  getMarkingParameters,
  setMarkingParameters,
  getVolatilitySurface,
  getVolatilityIndex,
  getSwapCurve,
  previewStructuredProduct,
  createStructuredProduct,
  listStructuredProductTemplates,
] as const
