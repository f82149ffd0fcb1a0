import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tradingStates } from '#domain/trading/market-controls.ts'
import type { MarketData } from '#domain/trading/market-data.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { bytes, type Item, integer, oneOf, text } from '../items.ts'
import { marketKeyOf } from '../market-keys.ts'
import type { Write } from '../writes.ts'

export interface BookRow {
  readonly lane: number
  readonly instrumentId: number
  readonly market: MarketData
  readonly updatedAtMillis: number
  /** Of the last event that changed it. */
  readonly outSeq: number
}

const table = tables.books

/** Undefined before the first event of the market has been projected. */
export const getBook = async (lane: number, instrumentId: number): Promise<BookRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { market: marketKeyOf(lane, instrumentId) },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : bookRowOf(Item)
}

export const bookPut = ({ lane, instrumentId, market, updatedAtMillis, outSeq }: BookRow): Write => ({
  kind: 'put',
  table,
  item: {
    market: marketKeyOf(lane, instrumentId),
    lane,
    instrument_id: instrumentId,
    bids: market.bids.levels,
    bids_cut_ticks: market.bids.cutTicks,
    asks: market.asks.levels,
    asks_cut_ticks: market.asks.cutTicks,
    trading_state: market.state,
    until_millis: market.untilMillis,
    band_ppm: market.controls.bandPpm,
    velocity_ppm: market.controls.velocityPpm,
    velocity_millis: market.controls.velocityMillis,
    halt_millis: market.controls.haltMillis,
    auction_millis: market.controls.auctionMillis,
    mark_ticks: market.markTicks,
    last_ticks: market.lastTicks,
    last_at_millis: market.lastAtMillis,
    open_interest_lots: market.openInterestLots,
    updated_at_millis: updatedAtMillis,
    out_seq: outSeq,
  },
})

/** As the table's stream tells it to a function: what is binary is base64 there, and stays so where it is unmarshalled. */
export const bookOfImage = (image: Item): BookRow =>
  bookRowOf({ ...image, bids: decoded(image, 'bids'), asks: decoded(image, 'asks') })

const decoded = (image: Item, name: string): Uint8Array => Buffer.from(text(image, name), 'base64')

const bookRowOf = (item: Item): BookRow => ({
  lane: integer(item, 'lane'),
  instrumentId: integer(item, 'instrument_id'),
  market: {
    bids: { levels: bytes(item, 'bids'), cutTicks: integer(item, 'bids_cut_ticks') },
    asks: { levels: bytes(item, 'asks'), cutTicks: integer(item, 'asks_cut_ticks') },
    state: oneOf(item, 'trading_state', tradingStates),
    untilMillis: integer(item, 'until_millis'),
    controls: {
      bandPpm: integer(item, 'band_ppm'),
      velocityPpm: integer(item, 'velocity_ppm'),
      velocityMillis: integer(item, 'velocity_millis'),
      haltMillis: integer(item, 'halt_millis'),
      auctionMillis: integer(item, 'auction_millis'),
    },
    markTicks: integer(item, 'mark_ticks'),
    lastTicks: integer(item, 'last_ticks'),
    lastAtMillis: integer(item, 'last_at_millis'),
    openInterestLots: integer(item, 'open_interest_lots'),
  },
  updatedAtMillis: integer(item, 'updated_at_millis'),
  outSeq: integer(item, 'out_seq'),
})
