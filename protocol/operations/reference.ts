import * as z from 'zod'
import { barrierDirections, contractKinds, exerciseStyles } from '#domain/reference/contract-terms.ts'
import { settlements } from '#domain/reference/instrument.ts'
import { lifecycles } from '#domain/reference/lifecycle.ts'
import { expiryCadences } from '#domain/reference/listing-grid.ts'
import { candleResolutions } from '#domain/trading/candles.ts'
import { tradingStates } from '#domain/trading/market-controls.ts'
import { windowResolutions, windowStates } from '#domain/trading/market-windows.ts'
import { operation } from '../operation.ts'
import {
  commandOutcome,
  decimalText,
  instant,
  instrumentName,
  lane,
  pageOf,
  pageQuery,
  positiveDecimalText,
  signedDecimalText,
} from '../values.ts'

const underlying = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._]{0,30}$/, 'must be 1 to 31 upper-case letters, digits and . _, such as H100.USE')

const observed = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._-]{0,63}$/, 'must be 1 to 64 upper-case letters, digits and . _ -, such as H100.USE')

const utc = z.iso.datetime().overwrite(text => {
  const at = new Date(text)
  // What is no instant is said by the check before.
  return Number.isNaN(at.getTime()) ? text : at.toISOString()
})
const index = observed.optional().meta({ description: 'Whose fixings it settles on; the underlying’s own unless told' })
const series = observed.optional().meta({
  description: 'Of measured windows (POST /api/v1/measurements/{series}/windows); the underlying’s unless told',
})
const periodStart = utc.meta({ description: 'Windows count from here on, up to the expiration' })
const ppm = (low: number, high: number) => z.int().min(low).max(high).optional()
const dayMillis = 86_400_000

/** The terms of each kind as they are listed; domain/reference/contract-terms.ts says what they mean. */
export const futureTerms = z
  .strictObject({
    index,
    averaging_start: utc.optional().meta({ description: 'The beginning of the last month (UTC) unless told' }),
    delivery: z
      .strictObject({
        start: utc.meta({ description: 'On the hour (UTC), not before the expiration' }),
        end: utc,
        penalty_ppm: ppm(0, 1_000_000).meta({
          description: 'Of the invoice: what a seller holds until it has delivered; 0 unless told',
        }),
      })
      .optional()
      .meta({
        description: 'Of a future that is delivered: its positions end at the price, and the seller owes compute',
      }),
  })
  .meta({ id: 'FutureTerms', description: 'Settles on the mean of the index’s fixings from averaging_start on' })

export const optionTerms = z
  .strictObject({
    option_type: z.enum(['call', 'put']),
    strike: positiveDecimalText,
    exercise: z.enum(exerciseStyles).optional().meta({ description: 'european unless told' }),
    underlying_instrument: instrumentName
      .optional()
      .meta({ description: 'The future, which expires with it; of an average-price option there is none' }),
    index,
    averaging_start: utc.optional().meta({ description: 'Makes it an average-price option' }),
    cash: positiveDecimalText.optional().meta({ description: 'Makes it a digital: what it pays' }),
    barrier: z
      .strictObject({
        direction: z.enum(barrierDirections),
        level: positiveDecimalText,
        rebate: decimalText.optional().meta({ description: 'Paid at expiration where it is out; 0 unless told' }),
      })
      .optional(),
  })
  .meta({ id: 'OptionTerms' })

export const swapTerms = z
  .strictObject({
    index,
    first_month: z
      .string()
      .regex(/^[0-9]{4}-(?:0[1-9]|1[0-2])$/, 'must be a month such as 2026-11')
      .meta({ examples: ['2026-11'] }),
  })
  .meta({ id: 'SwapTerms', description: 'A leg for each month up to the expiration, which is the end of the last one' })

export const varianceSwapTerms = z
  .strictObject({
    index,
    observation_start: utc,
    observation_interval_ms: z
      .int()
      .min(60_000)
      .max(31 * dayMillis)
      .optional()
      .meta({ description: 'A day unless told' }),
    strike_volatility: positiveDecimalText.meta({ description: 'In percent', examples: ['80'] }),
    vega_notional: positiveDecimalText.meta({ description: 'USD for each point of volatility', examples: ['100'] }),
  })
  .meta({ id: 'VarianceSwapTerms' })

export const latencyFutureTerms = z
  .strictObject({ series, percentile_ppm: ppm(1, 1_000_000), period_start: periodStart })
  .meta({ id: 'LatencyFutureTerms' })

export const uptimeSwapTerms = z
  .strictObject({
    series,
    period_start: periodStart,
    degraded_weight_ppm: ppm(0, 1_000_000).meta({
      description: 'How much of degraded time counts as up; 0 unless told',
    }),
  })
  .meta({ id: 'UptimeSwapTerms' })

export const performanceBondTerms = z
  .strictObject({ series, period_start: periodStart })
  .meta({ id: 'PerformanceBondTerms' })

export const accuracyContractTerms = z
  .strictObject({
    series,
    period_start: periodStart,
    quorum: z.int().min(1).max(1_000).optional().meta({ description: 'Attestors that are needed; 1 unless told' }),
  })
  .meta({ id: 'AccuracyContractTerms' })

export const jobContractTerms = z
  .strictObject({
    series,
    period_start: periodStart,
    unit_price: decimalText,
    penalty_ppm: ppm(0, 10_000_000),
  })
  .meta({ id: 'JobContractTerms' })

export const structuredProductTerms = z
  .strictObject({ payoff: z.record(z.string(), z.unknown()).meta({ description: 'A payoff tree' }) })
  .meta({ id: 'StructuredProductTerms' })

export const collateralTerms = z.strictObject({}).meta({ id: 'CollateralTerms' })
const never = '9999-12-31T23:59:59.999Z'
const nothing = z.literal('0').default('0')

const anyTerms = z.union([
  futureTerms,
  optionTerms,
  swapTerms,
  varianceSwapTerms,
  latencyFutureTerms,
  uptimeSwapTerms,
  performanceBondTerms,
  accuracyContractTerms,
  jobContractTerms,
  structuredProductTerms,
  collateralTerms,
])

export const market = z
  .object({
    instrument_name: z.string(),
    lane,
    kind: z.enum(contractKinds),
    underlying: z.string(),
    quote_currency: z.literal('USD'),
    settlement: z.enum(settlements),
    tick_size: decimalText,
    min_trade_amount: decimalText,
    contract_size: decimalText.meta({ description: 'Of a swap, for each leg' }),
    max_price: decimalText.meta({
      description: 'Highest price and settlement; of a structured product, of what is left',
    }),
    position_limit: decimalText.nullable().meta({ description: 'null: there is none' }),
    maker_commission: decimalText,
    taker_commission: decimalText,
    terms: anyTerms.meta({ description: 'What it settles on' }),
    underlying_index: z.string().nullable().meta({ description: 'null where it observes no index, or several' }),
    strike: decimalText.optional().meta({ description: 'Of an option, as option_type and exercise_style are' }),
    option_type: z.enum(['call', 'put']).optional(),
    exercise_style: z.enum(exerciseStyles).optional(),
    underlying_instrument: z.string().optional(),
    legs: z
      .array(z.object({ start: instant, end: instant, is_settled: z.boolean() }))
      .optional()
      .meta({ description: 'Of a swap' }),
    distributed: decimalText.optional().meta({ description: 'Of a structured product: paid so far for each unit' }),
    specification_version: z.int().positive().meta({ description: 'Grows with each leg or distribution' }),
    expiration_timestamp: instant,
    creation_timestamp: instant,
    lifecycle: z.enum(lifecycles).meta({ description: 'Expired and delisted ones wait for their final settlement' }),
    closed_timestamp: instant.nullable().meta({ description: 'When it expired or was delisted' }),
    settled_timestamp: instant.nullable(),
    is_active: z.boolean(),
  })
  .meta({ id: 'Market' })

const millis = z.number().int().positive().nullable()

/** How a market stands, and what is set for it. */
export const marketStatus = z.object({
  trading_state: z.enum(tradingStates),
  trading_state_until: instant.nullable().meta({ description: 'When the state ends by itself; null: when told' }),
  mark_price: decimalText.nullable(),
  controls: z
    .object({
      price_band: decimalText.nullable().meta({ description: 'How far from the reference an order may be priced' }),
      velocity: decimalText.nullable().meta({ description: 'A move by so much of the price …' }),
      velocity_interval_ms: millis.meta({ description: '… within so long halts the market' }),
      halt_ms: millis.meta({ description: 'How long such a halt lasts; null: until an operator reopens' }),
      auction_ms: millis.meta({ description: 'How long the auction after it lasts; null: there is none' }),
    })
    .meta({ description: 'null is off; price_band and velocity are parts of the price: 0.05 is five percent' }),
})

const marketWithStatus = z.object({ ...market.shape, ...marketStatus.shape }).meta({ id: 'MarketWithStatus' })

const commission = decimalText.meta({ description: 'Part of notional, at most six digits', examples: ['0.0005'] })

export const listMarkets = operation({
  context: 'reference',
  name: 'list-markets',
  method: 'GET',
  path: '/api/v1/markets',
  permission: 'markets:read',
  summary: 'List the instruments',
  weight: 2,
  request: {
    query: z.strictObject({
      ...pageQuery,
      kind: z.enum(contractKinds).optional(),
      underlying: underlying.optional(),
      index: observed.optional().meta({ description: 'Those that settle on this index' }),
      option_type: z.enum(['call', 'put']).optional(),
      expiration_from: z.iso.datetime().optional().meta({ description: 'Expiring at this instant or later' }),
      expiration_to: z.iso.datetime().optional().meta({ description: 'Expiring before this instant' }),
      is_active: z.enum(['true', 'false']).optional(),
      lifecycle: z.enum(lifecycles).optional(),
    }),
  },
  responses: { 200: { description: 'A page of instruments, by name', schema: pageOf(market) } },
  rejections: ['invalid-cursor'],
})

const marketPath = z.strictObject({ instrument_name: instrumentName })

export const getMarket = operation({
  context: 'reference',
  name: 'get-market',
  method: 'GET',
  path: '/api/v1/markets/{instrument_name}',
  permission: 'markets:read',
  summary: 'Read one instrument, its trading state and its controls',
  request: { path: marketPath },
  responses: { 200: { description: 'The instrument', schema: marketWithStatus } },
  rejections: ['not-found'],
})

const listed = {
  instrument_name: instrumentName.optional().meta({
    description: 'Made of the terms unless told; it must say what the contract is (docs/instrument-names.md)',
  }),
  underlying,
  quote_currency: z.literal('USD').default('USD'),
  tick_size: positiveDecimalText,
  min_trade_amount: positiveDecimalText,
  contract_size: positiveDecimalText
    .optional()
    .meta({ description: '1 unless told; of a variance swap vega_notional / (2 × strike_volatility)' }),
  max_price: positiveDecimalText
    .optional()
    .meta({ description: 'Needed where the terms do not bound what the contract may be worth' }),
  maker_commission: commission.default('0'),
  taker_commission: commission.default('0.0005'),
  position_limit: decimalText.default('0').meta({ description: 'In units; 0 is none' }),
  expiration_timestamp: z.iso.datetime(),
  lane: lane.optional(),
}

/** A contract of any kind, as it is asked for. */
export const listingRequest = z.discriminatedUnion('kind', [
  z.strictObject({
    ...listed,
    kind: z.literal('future').optional().meta({ description: 'future unless told' }),
    terms: futureTerms.optional().meta({
      description: 'Without them it settles on its underlying’s index over its last month, and may have any name',
    }),
  }),
  z.strictObject({ ...listed, kind: z.literal('option'), terms: optionTerms }),
  z.strictObject({ ...listed, kind: z.literal('swap'), terms: swapTerms }),
  z.strictObject({ ...listed, kind: z.literal('variance_swap'), terms: varianceSwapTerms }),
  z.strictObject({ ...listed, kind: z.literal('latency_future'), terms: latencyFutureTerms }),
  z.strictObject({ ...listed, kind: z.literal('uptime_swap'), terms: uptimeSwapTerms }),
  z.strictObject({ ...listed, kind: z.literal('performance_bond'), terms: performanceBondTerms }),
  z.strictObject({ ...listed, kind: z.literal('accuracy_contract'), terms: accuracyContractTerms }),
  z.strictObject({ ...listed, kind: z.literal('job_contract'), terms: jobContractTerms }),
  z.strictObject({ ...listed, kind: z.literal('structured_product'), terms: structuredProductTerms }),
  z.strictObject({
    ...listed,
    kind: z.literal('collateral').meta({ description: 'An asset that secures what an account trades; never traded' }),
    terms: collateralTerms,
    expiration_timestamp: z.literal(never).default(never).meta({ description: 'Never' }),
    maker_commission: nothing,
    taker_commission: nothing,
    position_limit: nothing,
  }),
])
export type ListingRequest = z.infer<typeof listingRequest>

export const listInstrument = operation({
  context: 'reference',
  name: 'list-instrument',
  method: 'POST',
  path: '/api/v1/markets',
  permission: 'markets:write',
  summary: 'List a new instrument',
  description:
    'Named by instrument_name: repeating the same listing gives the same answer, another one 409. The contract must be fully bounded: max_price is the most that it may ever settle at.',
  weight: 5,
  request: { body: listingRequest },
  responses: {
    202: { description: 'Taken by the order stream', schema: z.object({ instrument_name: z.string() }) },
    200: { description: 'The instrument (with Prefer: wait=<seconds>)', schema: market },
  },
  rejections: [
    'invalid-specification',
    'payoff-refused',
    'unknown-index',
    'instrument-exists',
    'instrument-limit',
    'engine-version-needed',
    'idempotency-conflict',
  ],
})

export const delistInstrument = operation({
  context: 'reference',
  name: 'delist-instrument',
  method: 'DELETE',
  path: '/api/v1/markets/{instrument_name}',
  permission: 'markets:write',
  summary: 'Delist an instrument before it expires',
  description:
    'Its book is closed for good and its orders are cancelled; what is open is settled as at its expiration, on what is known by then.',
  request: { path: marketPath },
  responses: {
    202: { description: 'Taken by the order stream', schema: commandOutcome },
    200: { description: 'Done (with Prefer: wait=<seconds>)', schema: commandOutcome },
  },
  rejections: [
    'unknown-instrument',
    'instrument-not-open',
    'instrument-has-options',
    'engine-version-needed',
    'idempotency-conflict',
  ],
})

const gridName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be 1 to 64 letters, digits and . _ -')
  .meta({ examples: ['h100-options'] })
const gridPath = z.strictObject({ grid: gridName })

const gridded = {
  underlying,
  index,
  expiries: z
    .array(
      z.strictObject({
        every: z.enum(expiryCadences),
        next: z
          .int()
          .min(1)
          .max(36)
          .meta({ description: 'So many of them', examples: [2] }),
      }),
    )
    .min(1)
    .max(3)
    .meta({ description: 'Each at 08:00 UTC, and at least an hour away' }),
  tick_size: positiveDecimalText,
  min_trade_amount: positiveDecimalText,
  contract_size: positiveDecimalText.optional(),
  maker_commission: commission.default('0'),
  taker_commission: commission.default('0.0005'),
  position_limit: decimalText.default('0'),
  lane: lane.optional(),
}

/** What is listed again and again: the rule by which the next contracts of an underlying come. */
export const listingGrid = z
  .discriminatedUnion('kind', [
    z.strictObject({ ...gridded, kind: z.literal('future'), max_price: positiveDecimalText }),
    z.strictObject({
      ...gridded,
      kind: z.literal('option'),
      strikes: z.strictObject({
        step: positiveDecimalText,
        count: z
          .int()
          .min(0)
          .max(50)
          .meta({ description: 'On each side of the level of the index', examples: [5] }),
      }),
      exercise: z.enum(exerciseStyles).optional().meta({ description: 'european unless told' }),
    }),
  ])
  .meta({
    id: 'ListingGrid',
    description: 'A call and a put of each strike, on the future that expires with them; or futures',
  })

const listingGridVersion = z
  .object({
    grid: z.string(),
    version: z.int().positive(),
    effective_from: instant,
    rule: listingGrid,
    set_by: z.string(),
    set_at: instant,
  })
  .meta({ id: 'ListingGridVersion' })

export const setListingGrid = operation({
  context: 'reference',
  name: 'set-listing-grid',
  method: 'PUT',
  path: '/api/v1/listing-grids/{grid}',
  permission: 'markets:write',
  summary: 'Set the rule by which contracts are listed from an instant on',
  description:
    'A new version of the rule; those before it stay as they were until it takes effect. Each minute what it names and is not listed is listed. Nothing is delisted by it.',
  request: {
    path: gridPath,
    body: z.strictObject({
      effective_from: z.iso.datetime().optional().meta({ description: 'Not in the past; now unless told' }),
      rule: listingGrid,
    }),
  },
  responses: { 200: { description: 'The version that was set', schema: listingGridVersion } },
  rejections: ['invalid-specification', 'unknown-index', 'parameter-conflict'],
})

export const getListingGrid = operation({
  context: 'reference',
  name: 'get-listing-grid',
  method: 'GET',
  path: '/api/v1/listing-grids/{grid}',
  permission: 'markets:read',
  summary: 'Read the rule of a grid, and its versions',
  request: { path: gridPath },
  responses: {
    200: {
      description: 'The versions, newest first; in_effect is that of now',
      schema: z.object({
        grid: z.string(),
        in_effect: listingGridVersion.nullable(),
        versions: z.array(listingGridVersion),
      }),
    },
  },
  rejections: ['not-found'],
})

export const listListingGrids = operation({
  context: 'reference',
  name: 'list-listing-grids',
  method: 'GET',
  path: '/api/v1/listing-grids',
  permission: 'markets:read',
  summary: 'List the grids and their rules of now',
  weight: 2,
  request: {},
  responses: {
    200: { description: 'All of them, by name', schema: z.object({ data: z.array(listingGridVersion) }) },
  },
  rejections: [],
})

const sequence = z.number().int().nonnegative().meta({
  description: 'Number of the last event of the lane that changed anything here; 0 before the first',
})
const asOf = instant.meta({ description: 'Time of that event' })
const level = z.tuple([decimalText, decimalText]).meta({ description: '[price, amount]' })
const knownTo = decimalText.nullable().meta({
  description:
    'null: nothing is left out. Else the side was once deeper than 4,096 prices: levels beyond this price are not known, all up to it are.',
})
const span = {
  start: z.iso.datetime().optional().meta({ description: 'From this instant on' }),
  end: z.iso.datetime().optional().meta({ description: 'Before this instant' }),
}

export const book = z
  .object({
    instrument_name: z.string(),
    trading_state: z.enum(tradingStates),
    bids: z.array(level),
    asks: z.array(level),
    bids_known_to: knownTo,
    asks_known_to: knownTo,
    sequence,
    timestamp: asOf,
  })
  .meta({ id: 'Book' })

export const getBook = operation({
  context: 'reference',
  name: 'get-book',
  method: 'GET',
  path: '/api/v1/markets/{instrument_name}/book',
  permission: 'markets:read',
  summary: 'Read the visible order book of a market',
  description:
    'Amounts are what is visible at a price: of an iceberg its shown part, of stop orders nothing. In an auction bids and asks may cross. It follows the engine through the execution stream, so it may be some moments behind; sequence and timestamp say how far it has come.',
  request: {
    path: marketPath,
    query: z.strictObject({
      depth: z
        .string()
        .regex(/^[1-9][0-9]{0,2}$/, 'must be a whole number from 1 to 500')
        .transform(Number)
        .pipe(z.number().int().min(1, 'must be from 1 to 500').max(500, 'must be from 1 to 500'))
        .optional()
        .meta({ description: 'How many prices at most on each side; 50 unless told' }),
    }),
  },
  responses: {
    200: {
      description: 'The book, best prices first',
      schema: book,
    },
  },
  rejections: ['not-found'],
})

export const marketTrade = z
  .object({
    trade_id: z.string().meta({ description: 'The same as in both sides’ own trades' }),
    price: decimalText,
    amount: decimalText,
    direction: z.enum(['buy', 'sell']).nullable().meta({
      description: 'Of the taker; null in an auction, where nobody takes',
    }),
    is_auction: z.boolean(),
    is_busted: z.boolean().meta({ description: 'It was reversed: it counts in no candle and not in the ticker' }),
    timestamp: instant,
  })
  .meta({ id: 'MarketTrade' })

export const listMarketTrades = operation({
  context: 'reference',
  name: 'list-market-trades',
  method: 'GET',
  path: '/api/v1/markets/{instrument_name}/trades',
  permission: 'markets:read',
  summary: 'List the trades of a market, newest first',
  description:
    'Everybody’s, without accounts and orders. A trade that was reversed later stays in the list, with is_busted.',
  weight: 2,
  request: { path: marketPath, query: z.strictObject({ ...pageQuery, ...span }) },
  responses: {
    200: {
      description: 'A page of trades',
      schema: pageOf(marketTrade),
    },
  },
  rejections: ['not-found', 'invalid-cursor'],
})

export const ticker = z
  .object({
    instrument_name: z.string(),
    ...marketStatus.shape,
    best_bid_price: decimalText.nullable(),
    best_bid_amount: decimalText.nullable(),
    best_ask_price: decimalText.nullable(),
    best_ask_amount: decimalText.nullable(),
    last_price: decimalText.nullable(),
    last_trade_timestamp: instant.nullable(),
    high_24h: decimalText.nullable(),
    low_24h: decimalText.nullable(),
    change_24h: signedDecimalText.nullable(),
    volume_24h: decimalText,
    turnover_24h: decimalText.meta({ description: 'USD: price times amount times contract size, added up' }),
    trades_24h: z.number().int().nonnegative(),
    open_interest: decimalText.meta({ description: 'What all long positions add up to, and so all short ones' }),
    mark_iv: decimalText
      .nullable()
      .meta({ description: 'Volatility points that the mark was made with: 65.2 is 65.2 %' }),
    greeks: z
      .object({
        delta: signedDecimalText,
        gamma: signedDecimalText,
        vega: signedDecimalText.meta({ description: 'For a volatility point' }),
        theta: signedDecimalText.meta({ description: 'For a day' }),
        rho: signedDecimalText.meta({ description: 'For a percent of rate' }),
      })
      .nullable()
      .meta({ description: 'Of options: what the mark changes by' }),
    index_price: decimalText.nullable().meta({ description: 'Level of its index when it was marked' }),
    mark_timestamp: instant.nullable().meta({ description: 'When it was last marked; null: never' }),
    sequence,
    timestamp: asOf,
  })
  .meta({ id: 'Ticker' })

export const getTicker = operation({
  context: 'reference',
  name: 'get-ticker',
  method: 'GET',
  path: '/api/v1/markets/{instrument_name}/ticker',
  permission: 'markets:read',
  summary: 'Read best prices, last and mark price, the last 24 hours and open interest of a market',
  description:
    'The last 24 hours begin with a whole minute. change_24h is the last price less that of the first trade in them; where nothing traded, high, low and change are null. A trade that was reversed later is counted in none of these; last_price may be its price, since it stays the reference of the engine.',
  request: { path: marketPath },
  responses: {
    200: {
      description: 'The ticker',
      schema: ticker,
    },
  },
  rejections: ['not-found'],
})

export const candle = z
  .object({
    start: instant,
    open: decimalText,
    high: decimalText,
    low: decimalText,
    close: decimalText,
    volume: decimalText,
    turnover: decimalText.meta({ description: 'USD: price times amount times contract size, added up' }),
    trades: z.number().int().positive(),
  })
  .meta({ id: 'Candle' })

export const listCandles = operation({
  context: 'reference',
  name: 'list-candles',
  method: 'GET',
  path: '/api/v1/markets/{instrument_name}/candles',
  permission: 'markets:read',
  summary: 'List the candles of a market, newest first',
  description:
    'One for each minute, hour or day (UTC) in which anything traded: where nothing did there is no candle, and none is made up. The newest may still change. A trade that was reversed later is taken out of its candles again.',
  weight: 2,
  request: {
    path: marketPath,
    query: z.strictObject({ resolution: z.enum(candleResolutions), ...pageQuery, ...span }),
  },
  responses: {
    200: {
      description: 'A page of candles',
      schema: pageOf(candle),
    },
  },
  rejections: ['not-found', 'invalid-cursor'],
})

const variance = z
  .string()
  .meta({ description: 'Decimal as text, at most 18 digits after the point', examples: ['0.0004'] })

export const marketWindow = z
  .object({
    start: instant,
    end: instant,
    state: z.enum(windowStates).meta({
      description: 'closed once the time of the lane is a minute beyond the end; until then everything may change',
    }),
    version: z.number().int().positive().meta({
      description: '1, and one more each time a trade was reversed after closing',
    }),
    trades: z.number().int().nonnegative(),
    volume: decimalText,
    buyer_volume: decimalText.meta({ description: 'Of takers that bought; auctions count in neither' }),
    seller_volume: decimalText.meta({ description: 'Of takers that sold' }),
    turnover: decimalText.meta({ description: 'USD: price times amount times contract size, added up' }),
    open: decimalText.nullable().meta({ description: 'null: all trades were reversed' }),
    close: decimalText.nullable(),
    realised_variance: variance.meta({
      description:
        'Squared logarithmic returns from the close of one minute to that of the next minute that has trades, added up; each rounded to 18 digits. A return belongs to the window in which it ends.',
    }),
    annualised_variance: variance.meta({
      description: 'realised_variance times the number of such windows in 365 days; its square root is the volatility',
    }),
  })
  .meta({ id: 'MarketWindow' })

export const listMarketWindows = operation({
  context: 'reference',
  name: 'list-market-windows',
  method: 'GET',
  path: '/api/v1/markets/{instrument_name}/windows',
  permission: 'markets:read',
  summary: 'List realised variance and volume of a market by window of time, newest first',
  description:
    'One for each minute, hour or day (UTC) in which anything traded, by the time of the trades and not of their arrival. A closed window changes only by a reversed trade, which is then a new version of it.',
  weight: 2,
  request: {
    path: marketPath,
    query: z.strictObject({ resolution: z.enum(windowResolutions), ...pageQuery, ...span }),
  },
  responses: {
    200: {
      description: 'A page of windows',
      schema: pageOf(marketWindow),
    },
  },
  rejections: ['not-found', 'invalid-cursor'],
})

export const referenceOperations = [
  listMarkets,
  getMarket,
  listInstrument,
  delistInstrument,
  getBook,
  listMarketTrades,
  getTicker,
  listCandles,
  listMarketWindows,
  setListingGrid,
  getListingGrid,
  listListingGrids,
] as const
