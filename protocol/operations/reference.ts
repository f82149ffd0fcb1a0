import * as z from 'zod'
import { candleResolutions } from '#domain/trading/candles.ts'
import { tradingStates } from '#domain/trading/market-controls.ts'
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
} from '../values.ts'

export const market = z
  .object({
    instrument_name: z.string(),
    lane,
    kind: z.literal('future'),
    underlying: z.string(),
    quote_currency: z.literal('USD'),
    tick_size: decimalText,
    min_trade_amount: decimalText,
    contract_size: decimalText,
    max_price: decimalText,
    maker_commission: decimalText,
    taker_commission: decimalText,
    expiration_timestamp: instant,
    creation_timestamp: instant,
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

const underlying = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._]{0,30}$/, 'must be 1 to 31 upper-case letters, digits and . _, such as H100.USE')

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
      underlying: underlying.optional(),
      is_active: z.enum(['true', 'false']).optional(),
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

export const listInstrument = operation({
  context: 'reference',
  name: 'list-instrument',
  method: 'POST',
  path: '/api/v1/markets',
  permission: 'markets:write',
  summary: 'List a new instrument',
  description: 'Named by instrument_name: repeating the same listing gives the same answer, another one 409.',
  weight: 5,
  request: {
    body: z.strictObject({
      instrument_name: instrumentName,
      kind: z.literal('future').default('future'),
      underlying,
      quote_currency: z.literal('USD').default('USD'),
      tick_size: positiveDecimalText,
      min_trade_amount: positiveDecimalText,
      contract_size: positiveDecimalText.default('1'),
      max_price: positiveDecimalText,
      maker_commission: commission.default('0'),
      taker_commission: commission.default('0.0005'),
      expiration_timestamp: z.iso.datetime(),
      lane: lane.optional(),
    }),
  },
  responses: {
    202: { description: 'Taken by the order stream', schema: z.object({ instrument_name: z.string() }) },
    200: { description: 'The instrument (with Prefer: wait=<seconds>)', schema: market },
  },
  rejections: ['invalid-specification', 'instrument-exists', 'instrument-limit', 'idempotency-conflict'],
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

export const referenceOperations = [
  listMarkets,
  getMarket,
  listInstrument,
  getBook,
  listMarketTrades,
  getTicker,
  listCandles,
] as const
