import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { type TwoPersonRequest, twoPersonItem, twoPersonRequestIn } from '../two-persons.ts'
import { store } from '../writes.ts'

/** A request that a trade be reversed, with all that the command takes; named by the id of its trade. */
export interface TradeBustRow extends TwoPersonRequest {
  readonly lane: number
  readonly tradeId: string
  /** Counts the requests for this trade, from 1. */
  readonly attempt: number
  /** Of the command that reverses it, once it is approved: the same for each repeat of an attempt. */
  readonly commandId: string
  readonly instrumentId: number
  readonly instrumentName: string
  readonly tickSize: string
  readonly minTradeAmount: string
  readonly priceTicks: number
  readonly quantityLots: number
  readonly buyerId: number
  readonly sellerId: number
  readonly buyerFeeMicros: number
  readonly sellerFeeMicros: number
  readonly tradedAtMillis: number
  readonly reason: string
}

const table = tables.tradeBusts

/** A trade's id begins with its lane. */
const keyOf = (tradeId: string) => ({ lane: tradeId.slice(0, tradeId.indexOf('-')), bust_id: tradeId })

export const getTradeBust = async (tradeId: string): Promise<TradeBustRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: keyOf(tradeId),
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** Newest trade first. */
export const listTradeBusts = (
  lane: number,
  options: { readonly limit: number; readonly after?: string },
): Promise<Page<TradeBustRow>> =>
  page(
    {
      table,
      partition: { name: 'lane', value: String(lane) },
      sortKeyName: 'bust_id',
      newestFirst: true,
      limit: options.limit,
      ...(options.after === undefined ? {} : { after: { lane: String(lane), bust_id: options.after } }),
    },
    rowOf,
  )

/**
 * Puts the row in the place of the one that was read (undefined: none); false where that has changed in between. Attempt
 * and approval are all that ever changes.
 */
export const replaceTradeBust = (row: TradeBustRow, read: TradeBustRow | undefined): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: itemOf(row),
    onlyIf: { attempt: read?.attempt, approved_at_millis: read?.approvedAtMillis },
  })

const itemOf = (row: TradeBustRow): Item => ({
  ...keyOf(row.tradeId),
  attempt: row.attempt,
  command_id: row.commandId,
  instrument_id: row.instrumentId,
  instrument_name: row.instrumentName,
  tick_size: row.tickSize,
  min_trade_amount: row.minTradeAmount,
  price_ticks: row.priceTicks,
  quantity_lots: row.quantityLots,
  buyer_id: row.buyerId,
  seller_id: row.sellerId,
  buyer_fee_micros: row.buyerFeeMicros,
  seller_fee_micros: row.sellerFeeMicros,
  traded_at_millis: row.tradedAtMillis,
  reason: row.reason,
  ...twoPersonItem(row),
})

const rowOf = (item: Item): TradeBustRow => ({
  lane: Number(text(item, 'lane')),
  tradeId: text(item, 'bust_id'),
  attempt: integer(item, 'attempt'),
  commandId: text(item, 'command_id'),
  instrumentId: integer(item, 'instrument_id'),
  instrumentName: text(item, 'instrument_name'),
  tickSize: text(item, 'tick_size'),
  minTradeAmount: text(item, 'min_trade_amount'),
  priceTicks: integer(item, 'price_ticks'),
  quantityLots: integer(item, 'quantity_lots'),
  buyerId: integer(item, 'buyer_id'),
  sellerId: integer(item, 'seller_id'),
  buyerFeeMicros: integer(item, 'buyer_fee_micros'),
  sellerFeeMicros: integer(item, 'seller_fee_micros'),
  tradedAtMillis: integer(item, 'traded_at_millis'),
  reason: text(item, 'reason'),
  ...twoPersonRequestIn(item),
})
