import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { DayAheadMarket, GateTimes } from '#domain/auction/day-ahead-market.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, itemsOf, oneOf, optional, text, texts } from '../items.ts'
import { page } from '../pages.ts'
import { store } from '../writes.ts'

/** How far an auction has come, in this order; `failed` goes on from where it was, `cancelled` is an end like `done`. */
export const auctionStates = [
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
export type AuctionState = (typeof auctionStates)[number]

export interface AuctionRow extends GateTimes {
  readonly lane: number
  readonly deliveryDate: string
  readonly state: AuctionState
  /** By which rules it takes bids and clears them, from when it was opened on. */
  readonly markets: readonly DayAheadMarket[]
  readonly openedAtMillis: number
  readonly updatedAtMillis: number
  /** Of the workflow: counts how often it was begun, from 1; 0 before the gate is closed. */
  readonly attempt: number
  readonly startedAtMillis?: number
  /** By the engine's word. */
  readonly closedAtMillis?: number
  readonly clearedAtMillis?: number
  /** Where it was when it failed. */
  readonly failedFrom?: AuctionState
  readonly failure?: string
  /** Futures of hours in which nothing of what was awarded could be booked before they expired. */
  readonly voidInstruments?: readonly string[]
}

/** Of an auction that has come so far, also where it has failed since. */
const hasReached = ({ state, failedFrom }: AuctionRow, ...states: readonly AuctionState[]): boolean =>
  states.includes(state === 'failed' ? (failedFrom ?? state) : state)
/** What is awarded is a position by now. */
export const isBooked = (row: AuctionRow): boolean => hasReached(row, 'awarded', 'released', 'done')
/** The bids hold nothing any more. */
export const areHoldsFree = (row: AuctionRow): boolean => hasReached(row, 'released', 'done', 'cancelled')

const table = tables.dayAheadAuctions
const rowsOfRead = 100

/** Consistent. */
export const getAuction = async (lane: number, deliveryDate: string): Promise<AuctionRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { lane: String(lane), delivery_date: deliveryDate },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** All of a lane from a date on, by date. */
export const auctionsFrom = async (lane: number, deliveryDate: string): Promise<readonly AuctionRow[]> => {
  const found: AuctionRow[] = []
  let after: string | undefined
  do {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'lane', value: String(lane) },
        sortKeyName: 'delivery_date',
        between: [deliveryDate, '~'],
        limit: rowsOfRead,
        ...(after === undefined ? {} : { after: { lane: String(lane), delivery_date: after } }),
      },
      rowOf,
    )
    found.push(...rows)
    after = next
  } while (after !== undefined)
  return found
}

/** Only in the place of the one that was read (undefined: none). */
export const replaceAuction = (row: AuctionRow, read: AuctionRow | undefined): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: itemOf(row),
    onlyIf: { auction_state: read?.state, attempt: read?.attempt, updated_at_millis: read?.updatedAtMillis },
  })

const itemOf = (row: AuctionRow): Item => ({
  lane: String(row.lane),
  delivery_date: row.deliveryDate,
  auction_state: row.state,
  markets: row.markets.map(market => ({
    market: market.market,
    tick_size: market.tickSize,
    min_trade_amount: market.minTradeAmount,
    max_price: market.maxPrice,
    maker_commission_ppm: market.makerCommissionPpm,
    taker_commission_ppm: market.takerCommissionPpm,
    penalty_ppm: market.penaltyPpm,
    expires_before_millis: market.expiresBeforeMillis,
  })),
  opens_before_millis: row.opensBeforeMillis,
  closes_before_millis: row.closesBeforeMillis,
  opened_at_millis: row.openedAtMillis,
  updated_at_millis: row.updatedAtMillis,
  attempt: row.attempt,
  started_at_millis: row.startedAtMillis,
  closed_at_millis: row.closedAtMillis,
  cleared_at_millis: row.clearedAtMillis,
  failed_from: row.failedFrom,
  failure: row.failure,
  void_instruments: row.voidInstruments,
})

const rowOf = (item: Item): AuctionRow => ({
  lane: Number(text(item, 'lane')),
  deliveryDate: text(item, 'delivery_date'),
  state: oneOf(item, 'auction_state', auctionStates),
  markets: itemsOf(item, 'markets').map(market => ({
    market: text(market, 'market'),
    tickSize: text(market, 'tick_size'),
    minTradeAmount: text(market, 'min_trade_amount'),
    maxPrice: text(market, 'max_price'),
    makerCommissionPpm: integer(market, 'maker_commission_ppm'),
    takerCommissionPpm: integer(market, 'taker_commission_ppm'),
    penaltyPpm: integer(market, 'penalty_ppm'),
    expiresBeforeMillis: integer(market, 'expires_before_millis'),
  })),
  opensBeforeMillis: integer(item, 'opens_before_millis'),
  closesBeforeMillis: integer(item, 'closes_before_millis'),
  openedAtMillis: integer(item, 'opened_at_millis'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  attempt: integer(item, 'attempt'),
  ...optional('startedAtMillis', item, 'started_at_millis', integer),
  ...optional('closedAtMillis', item, 'closed_at_millis', integer),
  ...optional('clearedAtMillis', item, 'cleared_at_millis', integer),
  ...optional('failedFrom', item, 'failed_from', (from, name) => oneOf(from, name, auctionStates)),
  ...optional('failure', item, 'failure', text),
  ...optional('voidInstruments', item, 'void_instruments', texts),
})
