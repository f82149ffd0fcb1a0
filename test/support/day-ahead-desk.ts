import { gzipSync } from 'node:zlib'
import type { AccountAwards, ClearedHour, ClearedPool } from '#domain/auction/auction-day.ts'
import type { Bid } from '#domain/auction/bids.ts'
import type { MockedTables } from './mocked-tables.ts'

/** A date whose gate is open, and one that is cleared. */
export const openDate = '2046-01-02'
export const clearedDate = '2046-01-01'
export const dayAheadMarket = 'H100.USE'

type Tables = Pick<MockedTables, 'seed'>

const hourMillis = 3_600_000

/** What an operator has set. */
const terms = {
  tick_size: '0.05',
  min_trade_amount: '0.1',
  max_price: '100',
  maker_commission_ppm: 200,
  taker_commission_ppm: 500,
  penalty_ppm: 100_000,
  expires_before_millis: hourMillis / 4,
}
const gate = { opens_before_millis: 72 * hourMillis, closes_before_millis: 12 * hourMillis }

export const seedMarket = (tables: Tables): void => {
  tables.seed('parameters', {
    kind: 'day-ahead-market',
    version_key: `${dayAheadMarket}#1970-01-01T00:00:00.001Z#000001`,
    name: dayAheadMarket,
    effective_millis: 1,
    version: 1,
    value: { lane: 1, ...terms, ...gate, is_active: true },
    set_by: 'operator',
    set_at_millis: 1,
  })
  tables.seed('parameters', { kind: 'day-ahead-market#newest', version_key: dayAheadMarket, version: 1 })
}

export const seedAuction = (
  tables: Tables,
  date: string,
  state: string,
  more: Readonly<Record<string, unknown>> = {},
): void =>
  tables.seed('dayAheadAuctions', {
    lane: '1',
    delivery_date: date,
    auction_state: state,
    markets: [{ market: dayAheadMarket, ...terms }],
    ...gate,
    opened_at_millis: 1,
    updated_at_millis: 2,
    attempt: 0,
    ...more,
  })

const bid: Bid = {
  side: 'buy',
  curves: [{ market: dayAheadMarket, hour: 18, steps: [{ priceTicks: 50, lots: 20 }] }],
  blocks: [],
}

/** A bid of an account, as the intake has promised and stored it, accepted unless told. */
export const seedBid = (
  tables: Tables,
  account: string,
  accountId: number,
  bidId: string,
  more: {
    readonly isAnswered?: boolean
    readonly code?: string
    readonly replaces?: string
    readonly ended?: { readonly state: string; readonly code?: string }
  } = {},
): void => {
  const { isAnswered = true, code, replaces, ended } = more
  const row = {
    lane: 1,
    deliveryDate: openDate,
    accountId,
    bidId,
    name: 'own',
    bid,
    holdMicros: 5_001_000,
    ...(replaces === undefined ? {} : { replacesBidId: replaces }),
    createdAtMillis: 3,
  }
  tables.seed('commands', {
    principal: account,
    request_name: `day-ahead-bid#${bidId}`,
    command_id: bidId,
    operation: 'submit-bid',
    body_hash: 'x',
    lane: 1,
    account_id: accountId,
    request_json: JSON.stringify({ bid: row }),
    created_at_millis: 1,
    expires_at: 2_000_000_000,
  })
  tables.seed('dayAheadBids', {
    auction: `1#${openDate}`,
    bid_key: `${String(accountId).padStart(10, '0')}#${bidId}`,
    lane: 1,
    delivery_date: openDate,
    account_id: accountId,
    bid_id: bidId,
    name: row.name,
    body: gzipSync(JSON.stringify(bid)),
    hold_micros: row.holdMicros,
    ...(replaces === undefined ? {} : { replaces_bid_id: replaces }),
    created_at_millis: 3,
    ...(ended !== undefined && { bid_state: ended.state, reject_code: ended.code }),
  })
  if (isAnswered) seedAnswer(tables, bidId, code)
}

export const seedAnswer = (tables: Tables, commandId: string, code?: string): void =>
  tables.seed('outcomes', {
    command_id: commandId,
    accepted: code === undefined,
    ...(code === undefined ? {} : { code }),
    at_millis: 4,
    event_id: '1:4:0',
    expires_at: 2_400_000_000,
  })

const pool: ClearedPool = {
  markets: [dayAheadMarket],
  tickSize: terms.tick_size,
  minTradeAmount: terms.min_trade_amount,
  maxPrice: terms.max_price,
  microsPerTickLot: 5_000,
  stepOrders: 2,
  blockDecisions: { accepted: 1, 'partially-accepted': 0, rejected: 0, 'paradoxically-rejected': 1 },
  certificate: {
    welfare: 200,
    stepsWelfare: 180,
    bound: 220,
    gapPartsPerMillion: 100_000,
    witnessBound: 240,
    witnessGapPartsPerMillion: 200_000,
    witnessPriceTicks: Array.from({ length: 24 }, (_, hour) => (hour === 18 ? 50 : null)),
    methods: { welfare: 1, repaired: 0, exact: 0 },
    isLimitHit: false,
    nodes: 1,
    iterations: 3,
  },
}

/** The account 7 has bought two units in hour 18, by a block and a step. */
export const seedResult = (tables: Tables): void => {
  seedAuction(tables, clearedDate, 'done', {
    attempt: 1,
    started_at_millis: 3,
    closed_at_millis: 4,
    cleared_at_millis: 5,
  })
  const auction = `1#${clearedDate}`
  const hours: readonly ClearedHour[] = Array.from({ length: 24 }, (_, hour) => {
    const lots = hour === 18 ? 20 : 0
    const priceTicks = hour === 18 ? 50 : null
    return { market: dayAheadMarket, hour, priceTicks, boughtLots: lots, soldLots: lots, awardedLots: lots }
  })
  const own: AccountAwards = {
    accountId: 7,
    awards: [{ name: 'own', market: dayAheadMarket, hour: 18, side: 'buy', lots: 20 }],
    blocks: [
      {
        name: 'own',
        block: 'evening',
        market: dayAheadMarket,
        decision: 'accepted',
        takenParts: 1,
        parts: 2,
        surplus: 40,
      },
    ],
  }
  tables.seed('dayAheadResults', { auction, part: 'head', digest: 'd', cleared_at_millis: 5 })
  for (const [name, value] of [
    ['prices', { pools: [pool], hours }],
    ['account-0000000007', own],
  ] as const)
    tables.seed('dayAheadResults', {
      auction,
      part: `d#${name}#0000000000`,
      parts: 1,
      body: gzipSync(JSON.stringify(value)),
    })
}

/** The market, a date whose gate is open, and one that is cleared. */
export const seedDayAhead = (tables: Tables): void => {
  seedMarket(tables)
  seedAuction(tables, openDate, 'open')
  seedResult(tables)
}
