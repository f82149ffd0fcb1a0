import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, itemsOf, oneOf, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store, transact, type Write } from '../writes.ts'

/** What market makers may take over of an account that nobody names. */
export interface AuctionRow {
  readonly auctionId: string
  readonly lane: number
  readonly liquidationId: string
  readonly state: AuctionState
  readonly openedAtMillis: number
  /** Bids count until then. */
  readonly deadlineMillis: number
  readonly lots: readonly AuctionedLots[]
}

/** `closed`: bids are no longer taken; `awarded`: all that was won is transferred. */
export const auctionStates = ['open', 'closed', 'awarded'] as const
export type AuctionState = (typeof auctionStates)[number]

export interface AuctionedLots {
  readonly instrumentId: number
  readonly instrumentName: string
  readonly tickSize: string
  readonly minTradeAmount: string
  /** Signed as the position is: of a short one, who wins goes short. */
  readonly signedLots: number
  readonly markTicks: number
  /** The worst price that is taken. */
  readonly reserveTicks: number
}

/** The last bid of an account stands. */
export interface AuctionBidRow {
  readonly auctionId: string
  readonly accountId: number
  readonly bidAtMillis: number
  readonly bids: readonly { readonly instrumentId: number; readonly priceTicks: number; readonly lots: number }[]
}

const table = tables.backstopAuctions
const headRow = 'head'
const bidRow = (accountId: number): string => `bid#${String(accountId).padStart(10, '0')}`

/** Consistent. */
export const getAuction = async (auctionId: string): Promise<AuctionRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { auction_id: auctionId, row: headRow },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : auctionOf(Item)
}

/** What was opened first stays: false where it was. */
export const openAuction = (row: AuctionRow): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: {
      auction_id: row.auctionId,
      row: headRow,
      lane_number: String(row.lane),
      opened_key: `${new Date(row.openedAtMillis).toISOString()}#${row.auctionId}`,
      lane: row.lane,
      liquidation_id: row.liquidationId,
      auction_state: row.state,
      opened_at_millis: row.openedAtMillis,
      deadline_millis: row.deadlineMillis,
      lots: row.lots.map(each => ({
        instrument_id: each.instrumentId,
        instrument_name: each.instrumentName,
        tick_size: each.tickSize,
        min_trade_amount: each.minTradeAmount,
        signed_lots: each.signedLots,
        mark_ticks: each.markTicks,
        reserve_ticks: each.reserveTicks,
      })),
    },
    onlyIf: { auction_state: undefined },
  })

const stateChange = (auctionId: string, from: AuctionState, to: AuctionState): Write => ({
  kind: 'update',
  table,
  key: { auction_id: auctionId, row: headRow },
  set: { auction_state: to },
  onlyIf: { auction_state: from },
})

/** False where it was not in that state. */
export const moveAuction = (auctionId: string, from: AuctionState, to: AuctionState): Promise<boolean> =>
  store(stateChange(auctionId, from, to))

/** In place of the account's last one; false where the auction is not open any more. */
export const putBid = (row: AuctionBidRow): Promise<boolean> =>
  transact([
    stateChange(row.auctionId, 'open', 'open'),
    {
      kind: 'put',
      table,
      item: {
        auction_id: row.auctionId,
        row: bidRow(row.accountId),
        account_id: row.accountId,
        bid_at_millis: row.bidAtMillis,
        bids: row.bids.map(each => ({
          instrument_id: each.instrumentId,
          price_ticks: each.priceTicks,
          lots: each.lots,
        })),
      },
    },
  ])

/** Consistent. */
export const getBid = async (auctionId: string, accountId: number): Promise<AuctionBidRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { auction_id: auctionId, row: bidRow(accountId) },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : bidOf(Item)
}

const bidsOfRead = 100

/** All, by account; consistent. */
export const bidsOfAuction = async (auctionId: string): Promise<readonly AuctionBidRow[]> => {
  const found: AuctionBidRow[] = []
  let after = bidRow(0)
  for (;;) {
    const { rows, next } = await page(
      {
        table,
        partition: { name: 'auction_id', value: auctionId },
        sortKeyName: 'row',
        between: [after, 'bid#~'],
        limit: bidsOfRead,
      },
      bidOf,
    )
    found.push(...rows)
    if (next === undefined) return found
    after = `${next}~`
  }
}

/** Newest first; from an index, so that a new one may be missing for a moment. */
export const auctionsOfLane = (
  lane: number,
  { limit, after }: { readonly limit: number; readonly after?: string },
): Promise<Page<AuctionRow>> =>
  page(
    {
      table,
      index: 'by-lane',
      partition: { name: 'lane_number', value: String(lane) },
      sortKeyName: 'opened_key',
      newestFirst: true,
      limit,
      ...(after === undefined
        ? {}
        : {
            after: {
              lane_number: String(lane),
              opened_key: after,
              auction_id: after.slice(after.indexOf('#') + 1),
              row: headRow,
            },
          }),
    },
    auctionOf,
  )

const auctionOf = (item: Item): AuctionRow => ({
  auctionId: text(item, 'auction_id'),
  lane: integer(item, 'lane'),
  liquidationId: text(item, 'liquidation_id'),
  state: oneOf(item, 'auction_state', auctionStates),
  openedAtMillis: integer(item, 'opened_at_millis'),
  deadlineMillis: integer(item, 'deadline_millis'),
  lots: itemsOf(item, 'lots').map(each => ({
    instrumentId: integer(each, 'instrument_id'),
    instrumentName: text(each, 'instrument_name'),
    tickSize: text(each, 'tick_size'),
    minTradeAmount: text(each, 'min_trade_amount'),
    signedLots: integer(each, 'signed_lots'),
    markTicks: integer(each, 'mark_ticks'),
    reserveTicks: integer(each, 'reserve_ticks'),
  })),
})

const bidOf = (item: Item): AuctionBidRow => ({
  auctionId: text(item, 'auction_id'),
  accountId: integer(item, 'account_id'),
  bidAtMillis: integer(item, 'bid_at_millis'),
  bids: itemsOf(item, 'bids').map(each => ({
    instrumentId: integer(each, 'instrument_id'),
    priceTicks: integer(each, 'price_ticks'),
    lots: integer(each, 'lots'),
  })),
})
