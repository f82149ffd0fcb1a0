import * as z from 'zod'
import { increments } from '#domain/units.ts'
import { operation } from '../operation.ts'
import { commandId, decimalText, instant, lane, pageOf, pageQuery, signedDecimalText } from '../values.ts'

export const marketName = z
  .string()
  .regex(/^[A-Z0-9][A-Z0-9._]{0,30}$/, 'must be resource class and region, such as H100.USE')
  .meta({ examples: ['H100.USE'] })

/** One that is set anew: whoever asks for capacity knows it by the class before its first dot and the region after it. */
const newMarketName = z
  .string()
  .max(31)
  .regex(
    /^[A-Z][A-Z0-9_]*\.[A-Z0-9][A-Z0-9._]*$/,
    'must be resource class (a letter first), a dot and region, such as H100.USE',
  )
  .meta({ examples: ['H100.USE'] })

const deliveryDate = z.iso.date().meta({ description: 'UTC', examples: ['2026-11-25'] })
const hour = z.int().meta({ description: 'By when it begins (UTC), 0 to 23', examples: [18] })
const blockName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/, 'must be 1 to 32 letters, digits and . _ -')
  .meta({ examples: ['night'] })

const laneQuery = z
  .string()
  .regex(/^[1-9][0-9]{0,4}$/, 'must be the number of a lane')
  .optional()
  .meta({ description: 'The tenant’s first unless told', examples: ['1'] })

const dayMillis = 86_400_000
const span = (low: number, high: number, description: string) =>
  z
    .int()
    .min(low)
    .max(high)
    .meta({ description, examples: [high / 2] })

const units = {
  tick_size: decimalText.meta({ description: 'USD for each unit-hour', examples: ['0.001'] }),
  min_trade_amount: decimalText.meta({ examples: ['1'] }),
  max_price: decimalText.meta({ examples: ['12'] }),
}

const auctionStates = [
  'announced',
  'opening',
  'open',
  'closing',
  'closed',
  'cleared',
  'listed',
  'awarded',
  'released',
  'done',
  'cancelling',
  'cancelled',
  'failed',
] as const

const auctionOutline = {
  delivery_date: deliveryDate,
  auction_state: z.enum(auctionStates).meta({
    description:
      'announced: its gate is not open yet. Prices are known from cleared on, positions from awarded on. cancelled: it could not be cleared before delivery begins, and all holds are free',
  }),
  gate_opens: instant,
  gate_closes: instant.meta({ description: 'By schedule; bids count that the engine took before it closed the gate' }),
}

export const dayAheadAuction = z
  .object({ lane, ...auctionOutline, markets: z.array(z.string()), failure: z.string().nullable() })
  .meta({ id: 'DayAheadAuction' })

const gateTimes = {
  gate_opens_before_ms: span(3_600_000, 31 * dayMillis, 'So long before the delivery date begins'),
  gate_closes_before_ms: span(3_600_000, 30 * dayMillis, 'So long before the delivery date begins'),
}

const marketTerms = {
  ...units,
  maker_commission: decimalText.meta({
    description: 'Part of the price; each side of an award pays it',
    examples: ['0.0002'],
  }),
  taker_commission: decimalText.meta({ description: 'Of trades in the hourly futures', examples: ['0.0005'] }),
  penalty_ppm: span(0, 1_000_000, 'Of the invoice: what a seller holds until it has delivered'),
  expires_before_ms: span(0, dayMillis, 'So long before their hour the hourly futures expire'),
}

export const computeMarket = z
  .object({
    market: z.string(),
    resource_class: z.string(),
    region: z.string(),
    lane,
    currency: z.literal('USD'),
    ...marketTerms,
    ...gateTimes,
    is_active: z.boolean().meta({ description: 'Whether it is in auctions whose gate opens from now on' }),
    version: z.int(),
    auctions: z.array(z.object(auctionOutline)).meta({ description: 'Of the next delivery dates' }),
  })
  .meta({ id: 'ComputeMarket' })

export const listComputeMarkets = operation({
  context: 'day-ahead',
  name: 'list-compute-markets',
  method: 'GET',
  path: '/api/v1/compute-futures/markets',
  permission: 'markets:read',
  summary: 'List the markets of the day-ahead auction',
  description:
    'A market is a resource class in a region. Each delivery date has one auction a lane, of 24 hours (UTC) in each of its markets, and one gate: bids are taken while it is open.',
  request: { query: z.strictObject({ lane: laneQuery }) },
  responses: { 200: { description: 'All of a lane, by name', schema: z.object({ data: z.array(computeMarket) }) } },
  rejections: [],
})

export const setComputeMarket = operation({
  context: 'day-ahead',
  name: 'set-compute-market',
  method: 'PUT',
  path: '/api/v1/compute-futures/markets/{market}',
  permission: 'markets:write',
  summary: 'Set a market of the day-ahead auction',
  description:
    'Holds for auctions whose gate opens from then on; what is open keeps its rules. Gate times are those of the lane’s auctions: what was set last, with whichever market, holds for all of its markets.',
  weight: 5,
  idempotency: 'none',
  request: {
    path: z.strictObject({ market: newMarketName }),
    body: z.strictObject({
      ...marketTerms,
      ...gateTimes,
      is_active: z.boolean().optional().meta({ description: 'true unless told' }),
      lane: lane.optional(),
    }),
  },
  responses: { 200: { description: 'As it is now', schema: computeMarket } },
  rejections: ['invalid-specification', 'unknown-index', 'engine-version-needed', 'parameter-conflict'],
})

export const setDayAheadGate = operation({
  context: 'day-ahead',
  name: 'set-day-ahead-gate',
  method: 'PUT',
  path: '/api/v1/compute-futures/day-ahead/gates/{delivery_date}',
  permission: 'markets:operate',
  summary: 'Open or close the gate of a delivery date, before it does so by itself',
  description:
    'A gate that was closed stays so. Once it is closed the auction is cleared, and its awards are booked. With Prefer: wait=<seconds> the answer waits for the engine.',
  weight: 5,
  idempotency: 'none',
  request: {
    path: z.strictObject({ delivery_date: deliveryDate }),
    body: z.strictObject({ gate_state: z.enum(['open', 'closed']), lane: lane.optional() }),
  },
  responses: {
    200: { description: 'The engine has set it', schema: dayAheadAuction },
    202: { description: 'The engine has not answered yet', schema: dayAheadAuction },
  },
  rejections: [
    'delivery-date-past',
    'unknown-day-ahead-market',
    'unknown-gate',
    'gate-closed',
    'engine-version-needed',
  ],
})

const isRatio = (text: string): boolean => {
  const basisPoints = increments(text, '0.0001')
  return basisPoints !== undefined && basisPoints > 0 && basisPoints <= 10_000
}

const curve = z.strictObject({
  market: marketName,
  hour,
  steps: z
    .array(z.strictObject({ price: decimalText, amount: decimalText }))
    .meta({ description: 'Each by itself: up to so much at this price or better, in any part' }),
})

const block = z.strictObject({
  block: blockName.meta({ description: 'A name within the bid' }),
  market: marketName,
  price: decimalText.meta({ description: 'Or better, on the average of its amounts' }),
  hours: z.array(z.strictObject({ hour, amount: decimalText })),
  minimum_acceptance_ratio: decimalText
    .refine(isRatio, 'must be above 0 and at most 1, with at most four digits after the point')
    .optional()
    .meta({
      description: 'Part of one: at least so much of each hour, or nothing; 1, all or nothing, unless told',
      examples: ['0.5'],
    }),
  parent: blockName.optional().meta({ description: 'Taken in no greater part than this block of the bid is' }),
  exclusive_group: blockName
    .optional()
    .meta({ description: 'At most one block of the bid with this name is taken: substitutes, also in other regions' }),
})

const bidBody = z.strictObject({
  delivery_date: deliveryDate,
  replaces: commandId
    .optional()
    .meta({ description: 'A bid or offer of yours for this date that it takes the place of' }),
  curves: z.array(curve).optional(),
  blocks: z.array(block).optional(),
})

/** Whether it counts: as the engine has answered. */
export const bidStates = ['pending', 'accepted', 'rejected', 'replaced', 'withdrawn'] as const
export type BidState = (typeof bidStates)[number]

export const dayAheadBid = z
  .object({
    bid_id: commandId,
    name: z.string().meta({ description: 'Idempotency-Key under which it was sent' }),
    delivery_date: deliveryDate,
    direction: z.enum(['buy', 'sell']),
    bid_state: z.enum(bidStates).meta({
      description: 'accepted: what it may need is put by, and it takes part',
    }),
    reject_reason: z.string().nullable(),
    held: decimalText.meta({ description: 'USD that are held for it: what it needs at most' }),
    replaces: commandId.nullable(),
    curves: z.array(
      z.object({
        market: z.string(),
        hour: z.int(),
        steps: z.array(z.object({ price: decimalText, amount: decimalText })),
      }),
    ),
    blocks: z.array(
      z.object({
        block: z.string(),
        market: z.string(),
        price: decimalText,
        hours: z.array(z.object({ hour: z.int(), amount: decimalText })),
        minimum_acceptance_ratio: decimalText,
        parent: z.string().nullable(),
        exclusive_group: z.string().nullable(),
      }),
    ),
    creation_timestamp: instant,
  })
  .meta({ id: 'DayAheadBid' })

const submission = <const Name extends string, const Path extends `/${string}`>(
  name: Name,
  path: Path,
  summary: string,
) =>
  operation({
    context: 'day-ahead',
    name,
    method: 'POST',
    path,
    permission: 'bids:write',
    summary,
    description:
      'Curves for single hours and blocks over several, in any of the lane’s markets. It takes part once the engine has put by what it may need: a buyer its limit, a seller the market’s max_price less its limit, for all of it, of an exclusive group the most of its blocks. With Prefer: wait=<seconds> the answer waits for that, and a refusal is a problem with the engine’s code.',
    weight: 5,
    idempotency: 'header',
    request: { body: bidBody },
    responses: {
      200: { description: 'It takes part, or did so before', schema: dayAheadBid },
      202: { description: 'Taken in; the engine has not answered yet', schema: dayAheadBid },
    },
    rejections: [
      'idempotency-key-required',
      'idempotency-conflict',
      'account-not-open',
      'engine-version-needed',
      'delivery-date-past',
      'unknown-gate',
      'gate-closed',
      'empty-bid',
      'unknown-day-ahead-market',
      'unknown-hour',
      'duplicate-hour',
      'price-off-tick',
      'price-out-of-range',
      'amount-off-lot',
      'amount-out-of-range',
      'empty-block',
      'duplicate-block',
      'unknown-parent',
      'cyclic-parents',
      'group-of-one',
      'grouped-child',
      'blocks-not-joinable',
      'notional-too-large',
      'unknown-bid',
      'bid-not-open',
      'bid-limit',
      'insufficient-funds',
      'insufficient-margin',
      'unknown-hold',
      'hold-limit',
      'account-in-liquidation',
    ],
  })

export const submitBid = submission(
  'submit-bid',
  '/api/v1/compute-futures/day-ahead/bid',
  'Bid to buy compute by the hour',
)
export const submitOffer = submission(
  'submit-offer',
  '/api/v1/compute-futures/day-ahead/offer',
  'Offer to sell compute by the hour',
)

export const listBids = operation({
  context: 'day-ahead',
  name: 'list-bids',
  method: 'GET',
  path: '/api/v1/compute-futures/day-ahead/bids',
  permission: 'bids:read',
  summary: 'List your bids and offers for a delivery date',
  description: 'The oldest first, those that were replaced, withdrawn or refused among them: see bid_state.',
  weight: 2,
  request: {
    query: z.strictObject({ ...pageQuery, delivery_date: deliveryDate, bid_state: z.enum(bidStates).optional() }),
  },
  responses: { 200: { description: 'A page of bids', schema: pageOf(dayAheadBid) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

const bidPath = z.strictObject({ bid_id: commandId })

export const getBid = operation({
  context: 'day-ahead',
  name: 'get-bid',
  method: 'GET',
  path: '/api/v1/compute-futures/day-ahead/bids/{bid_id}',
  permission: 'bids:read',
  summary: 'Read a bid or offer of yours',
  description: 'For 30 days; GET /api/v1/compute-futures/day-ahead/bids tells those of a date for good.',
  request: { path: bidPath },
  responses: { 200: { description: 'The bid', schema: dayAheadBid } },
  rejections: ['not-found'],
})

export const withdrawBid = operation({
  context: 'day-ahead',
  name: 'withdraw-bid',
  method: 'DELETE',
  path: '/api/v1/compute-futures/day-ahead/bids/{bid_id}',
  permission: 'bids:write',
  summary: 'Withdraw a bid or offer before the gate closes',
  idempotency: 'none',
  request: { path: bidPath },
  responses: {
    200: { description: 'It is withdrawn, and its hold is free', schema: dayAheadBid },
    202: { description: 'The engine has not answered yet', schema: dayAheadBid },
  },
  rejections: ['not-found', 'gate-closed', 'bid-not-open', 'unknown-hold'],
})

const certificate = z.object({
  markets: z.array(z.string()).meta({ description: 'Cleared together' }),
  welfare: signedDecimalText.meta({ description: 'USD, as all that follows' }),
  steps_welfare: signedDecimalText.meta({ description: 'Had there been no block' }),
  bound: signedDecimalText.meta({ description: 'No clearing is worth more' }),
  gap_ppm: z.number().meta({ description: 'Of the welfare, between it and the bound' }),
  witness_bound: signedDecimalText.meta({ description: 'What the witness prices prove without a solver' }),
  witness_gap_ppm: z.number(),
  witness_prices: z
    .array(z.object({ market: z.string(), hour: z.int(), price: decimalText }))
    .meta({ description: 'For any prices, what everybody would gain at them alone bounds all welfare' }),
  components: z
    .object({ welfare: z.int(), repaired: z.int(), exact: z.int() })
    .meta({ description: 'What is decided by itself, by how it was decided' }),
  is_limit_hit: z.boolean().meta({
    description: 'A limit of nodes or iterations ended the search: it is the best found, its gap what is left',
  }),
  nodes: z.int(),
  iterations: z.int(),
  step_orders: z.int(),
  blocks_accepted: z.int(),
  blocks_partially_accepted: z.int(),
  blocks_rejected: z.int(),
  blocks_paradoxically_rejected: z.int().meta({ description: 'In the money and not taken; none is taken out of it' }),
})

export const dayAheadPrices = z
  .object({
    lane,
    delivery_date: deliveryDate,
    auction_state: z.enum(auctionStates),
    cleared_timestamp: instant,
    prices: z.array(
      z.object({
        market: z.string(),
        hour: z.int(),
        price: decimalText.nullable().meta({ description: 'null: nothing traded, and nothing bounded a price' }),
        bought: decimalText,
        sold: decimalText,
        instrument_name: z.string().nullable().meta({ description: 'Of the hourly future; null: nothing was awarded' }),
      }),
    ),
    certificates: z.array(certificate),
  })
  .meta({ id: 'DayAheadPrices' })

const datePath = z.strictObject({ delivery_date: deliveryDate })

export const getDayAheadPrices = operation({
  context: 'day-ahead',
  name: 'get-day-ahead-prices',
  method: 'GET',
  path: '/api/v1/compute-futures/prices/{delivery_date}',
  permission: 'markets:read',
  summary: 'Read the prices of a delivery date',
  description:
    'With the certificate by which anyone can tell how good the clearing is. Before it is cleared: 404 with when it is.',
  weight: 2,
  request: { path: datePath, query: z.strictObject({ lane: laneQuery }) },
  responses: { 200: { description: 'By market, then hour', schema: dayAheadPrices } },
  rejections: ['not-cleared', 'never-cleared'],
})

export const dayAheadAwards = z
  .object({
    account: z.string(),
    delivery_date: deliveryDate,
    auction_state: z.enum(auctionStates),
    positions: z
      .array(
        z.object({
          market: z.string(),
          hour: z.int(),
          instrument_name: z.string(),
          direction: z.enum(['buy', 'sell']),
          amount: decimalText,
          price: decimalText,
        }),
      )
      .meta({
        description:
          'What is left of bids and offers in each hour, once auction_state is awarded: none before it is booked',
      }),
    void_instruments: z.array(z.string()).meta({
      description:
        'Futures that expired before awards could be booked in them: those awards are void, whosever they were',
    }),
    bids: z.array(
      z.object({
        name: z.string().meta({ description: 'Idempotency-Key of the bid' }),
        direction: z.enum(['buy', 'sell']),
        market: z.string(),
        hour: z.int(),
        amount: decimalText,
        price: decimalText,
      }),
    ),
    blocks: z.array(
      z.object({
        name: z.string(),
        block: z.string(),
        decision: z.enum(['accepted', 'partially-accepted', 'rejected', 'paradoxically-rejected']),
        accepted_ratio: decimalText,
        surplus: signedDecimalText.meta({
          description: 'USD at the prices: of what is taken, or of all of it where nothing is',
        }),
      }),
    ),
  })
  .meta({ id: 'DayAheadAwards' })

export const getDayAheadAwards = operation({
  context: 'day-ahead',
  name: 'get-day-ahead-awards',
  method: 'GET',
  path: '/api/v1/compute-futures/awards/{delivery_date}',
  permission: 'bids:read',
  summary: 'Read what your bids and offers for a delivery date have won',
  weight: 2,
  request: { path: datePath },
  responses: { 200: { description: 'Of the account of the credential', schema: dayAheadAwards } },
  rejections: ['account-not-open', 'not-cleared', 'never-cleared'],
})

export const dayAheadOperations = [
  listComputeMarkets,
  setComputeMarket,
  setDayAheadGate,
  submitBid,
  submitOffer,
  listBids,
  getBid,
  withdrawBid,
  getDayAheadPrices,
  getDayAheadAwards,
] as const
