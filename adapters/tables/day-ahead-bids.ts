import { gunzipSync, gzipSync } from 'node:zlib'
import type { Bid } from '#domain/auction/bids.ts'
import { type RejectionCode, rejectionCodes } from '#domain/outcome.ts'
import { type BidState, bidStates } from '#protocol/operations/day-ahead.ts'
import { tables } from '#protocol/tables.ts'
import { auctionKey } from '../day-ahead-keys.ts'
import { bytes, type Item, integer, oneOf, optional, text } from '../items.ts'
import { page } from '../pages.ts'
import { store } from '../writes.ts'

export interface BidRow {
  readonly lane: number
  readonly deliveryDate: string
  readonly accountId: number
  /** Names its hold, too. */
  readonly bidId: string
  /** As the bidder calls it. */
  readonly name: string
  readonly bid: Bid
  readonly holdMicros: number
  readonly replacesBidId?: string
  /** Of the command that withdraws it, and how often that was asked after a refusal. */
  readonly withdrawal?: number
  readonly createdAtMillis: number
  /** What became of it, once its gate was closed and all were answered. */
  readonly ended?: BidEnd
}

export interface BidEnd {
  readonly state: BidState
  /** Why it was rejected. */
  readonly code?: RejectionCode | undefined
}

const table = tables.dayAheadBids
const accountDigits = 10
const rowsOfRead = 50

const accountKey = (accountId: number): string => String(accountId).padStart(accountDigits, '0')

const keyOf = ({ lane, deliveryDate, accountId, bidId }: BidRow) => ({
  auction: auctionKey(lane, deliveryDate),
  bid_key: `${accountKey(accountId)}#${bidId}`,
})

/** Once; as it is there, it is never changed but by noteWithdrawal and noteEnd. */
export const addBid = (row: BidRow): Promise<boolean> =>
  store({ kind: 'put', table, item: itemOf(row), onlyIf: { bid_key: undefined } })

/** Before its command is sent; only over what was read. */
export const noteWithdrawal = (row: BidRow, withdrawal: number): Promise<boolean> =>
  store({
    kind: 'update',
    table,
    key: keyOf(row),
    set: { withdrawal },
    onlyIf: { withdrawal: row.withdrawal },
  })

/** Once: what is there stays. */
export const noteEnd = (row: BidRow, { state, code }: BidEnd): Promise<boolean> =>
  store({
    kind: 'update',
    table,
    key: keyOf(row),
    set: { bid_state: state, reject_code: code },
    onlyIf: { bid_state: undefined },
  })

/** All of an auction, by account; consistent. */
export const bidsOfAuction = (lane: number, deliveryDate: string): Promise<readonly BidRow[]> =>
  bidsBetween(lane, deliveryDate, ['0', '~'])

/** Those of an account; consistent. */
export const bidsOfAccount = (lane: number, deliveryDate: string, accountId: number): Promise<readonly BidRow[]> =>
  bidsBetween(lane, deliveryDate, [`${accountKey(accountId)}#`, `${accountKey(accountId)}#~`])

const bidsBetween = async (
  lane: number,
  deliveryDate: string,
  between: readonly [string, string],
): Promise<readonly BidRow[]> => {
  const auction = auctionKey(lane, deliveryDate)
  const found: BidRow[] = []
  let after: string | undefined
  do {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'auction', value: auction },
        sortKeyName: 'bid_key',
        between,
        limit: rowsOfRead,
        ...(after === undefined ? {} : { after: { auction, bid_key: after } }),
      },
      rowOf,
    )
    found.push(...rows)
    after = next
  } while (after !== undefined)
  return found
}

const itemOf = (row: BidRow): Item => ({
  ...keyOf(row),
  lane: row.lane,
  delivery_date: row.deliveryDate,
  account_id: row.accountId,
  bid_id: row.bidId,
  name: row.name,
  body: gzipSync(JSON.stringify(row.bid)),
  hold_micros: row.holdMicros,
  replaces_bid_id: row.replacesBidId,
  withdrawal: row.withdrawal,
  created_at_millis: row.createdAtMillis,
})

const rowOf = (item: Item): BidRow => ({
  lane: integer(item, 'lane'),
  deliveryDate: text(item, 'delivery_date'),
  accountId: integer(item, 'account_id'),
  bidId: text(item, 'bid_id'),
  name: text(item, 'name'),
  bid: bidIn(item),
  holdMicros: integer(item, 'hold_micros'),
  ...optional('replacesBidId', item, 'replaces_bid_id', text),
  ...optional('withdrawal', item, 'withdrawal', integer),
  createdAtMillis: integer(item, 'created_at_millis'),
  ...optional('ended', item, 'bid_state', (from, name) => ({
    state: oneOf(from, name, bidStates),
    ...optional('code', from, 'reject_code', (of, code) => oneOf(of, code, rejectionCodes)),
  })),
})

const bidIn = (item: Item): Bid => {
  const bid: Bid = JSON.parse(new TextDecoder().decode(gunzipSync(bytes(item, 'body'))))
  return bid
}
