import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, listOf, optional, text } from '../items.ts'
import { marketKeyOf } from '../market-keys.ts'
import { store } from '../writes.ts'

/** Decimals as text: what the API says of a mark beside the price that the engine holds. */
export interface MarkRow {
  readonly lane: number
  readonly instrumentId: number
  readonly instrumentName: string
  readonly markTicks: number
  /** What the model said, before book and index guarded it. */
  readonly fair: string
  readonly method: string
  /** Volatility points: 65.2 is 65.2 %. */
  readonly markIv?: string
  /** vega by a volatility point, theta by a day, rho by a percent of rate. */
  readonly greeks?: MarkRowGreeks
  readonly indexPrice?: string
  /** Of a Monte Carlo. */
  readonly standardError?: string
  /** How far the market is from the index, as part of it: the state of a future's mark. */
  readonly basis?: number
  /** The prices that it was made from, by which a large move is told; 0: there was none. */
  readonly bidTicks: number
  readonly askTicks: number
  readonly lastTicks: number
  readonly atMillis: number
  readonly flags: readonly string[]
}

export interface MarkRowGreeks {
  readonly delta: string
  readonly gamma: string
  readonly vega: string
  readonly theta: string
  readonly rho: string
}

const table = tables.marks

/** Undefined where nothing has ever been marked there. */
export const getMark = async (lane: number, instrumentId: number): Promise<MarkRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { market: marketKeyOf(lane, instrumentId) },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** Whoever marked last is right: marks are made again, never kept. */
export const putMark = async (row: MarkRow): Promise<void> => {
  await store({
    kind: 'put',
    table,
    item: {
      market: marketKeyOf(row.lane, row.instrumentId),
      lane: row.lane,
      instrument_id: row.instrumentId,
      instrument_name: row.instrumentName,
      mark_ticks: row.markTicks,
      fair: row.fair,
      method: row.method,
      mark_iv: row.markIv,
      ...row.greeks,
      index_price: row.indexPrice,
      standard_error: row.standardError,
      basis: row.basis === undefined ? undefined : String(row.basis),
      bid_ticks: row.bidTicks,
      ask_ticks: row.askTicks,
      last_ticks: row.lastTicks,
      at_millis: row.atMillis,
      flags: row.flags,
    },
  })
}

const rowOf = (item: Item): MarkRow => ({
  lane: integer(item, 'lane'),
  instrumentId: integer(item, 'instrument_id'),
  instrumentName: text(item, 'instrument_name'),
  markTicks: integer(item, 'mark_ticks'),
  fair: text(item, 'fair'),
  method: text(item, 'method'),
  ...optional('markIv', item, 'mark_iv', text),
  ...optional('greeks', item, 'delta', greeksOf),
  ...optional('indexPrice', item, 'index_price', text),
  ...optional('standardError', item, 'standard_error', text),
  ...optional('basis', item, 'basis', (each, name) => Number(text(each, name))),
  bidTicks: integer(item, 'bid_ticks'),
  askTicks: integer(item, 'ask_ticks'),
  lastTicks: integer(item, 'last_ticks'),
  atMillis: integer(item, 'at_millis'),
  flags: listOf(item, 'flags').map(String),
})

const greeksOf = (item: Item): MarkRowGreeks => ({
  delta: text(item, 'delta'),
  gamma: text(item, 'gamma'),
  vega: text(item, 'vega'),
  theta: text(item, 'theta'),
  rho: text(item, 'rho'),
})
