import { QueryCommand } from '@aws-sdk/lib-dynamodb'
import { type PaymentKind, paymentKinds } from '#domain/trading/events.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text, truth } from '../items.ts'
import { marketKeyOf } from '../market-keys.ts'
import { type Page, page } from '../pages.ts'
import type { Write } from '../writes.ts'

export interface PositionRow {
  readonly accountId: number
  readonly instrumentName: string
  readonly instrumentId: number
  /** The instrument's increments: with them the row can be told in decimals by itself. */
  readonly tickSize: string
  readonly minTradeAmount: string
  /** Signed: short is negative. */
  readonly sizeLots: number
  /** Signed entry cost of what is open; over the size it is the average price in ticks. */
  readonly entryTickLots: number
  /** Fees not included. */
  readonly realisedMicros: number
  readonly updatedAtMillis: number
  /** Of the event that made the row what it is. */
  readonly eventId: string
  readonly lane: number
  readonly outSeq: number
  /** An asset that secures others: no contract. */
  readonly isCollateral?: boolean
  /** Where the event was a payment: what was paid. */
  readonly payment?: Payment
}

export interface Payment {
  readonly kind: PaymentKind
  readonly commandId: string
  readonly priceTicks: number
  /** Signed: what was held; of an exercise or assignment what of it was closed. */
  readonly settledLots: number
  readonly paidMicros: number
}

const table = tables.positions

/** By instrument. */
export const listPositions = (
  accountId: number,
  options: {
    readonly limit: number
    /** `next` of the page before. */
    readonly after?: string
    readonly instrumentName?: string
    /** Only assets that secure others. */
    readonly isCollateral?: true
  },
): Promise<Page<PositionRow>> => {
  const { limit, after, instrumentName, isCollateral } = options
  // DynamoDB refuses to begin outside of what is asked for.
  if (instrumentName !== undefined && after !== undefined && after >= instrumentName)
    return Promise.resolve({ rows: [] })
  return page(
    {
      table,
      partition: { name: 'account_id', value: accountId },
      sortKeyName: 'instrument_name',
      sortKey: instrumentName,
      matching: { is_collateral: isCollateral },
      limit,
      ...(after === undefined || instrumentName !== undefined
        ? {}
        : { after: { account_id: accountId, instrument_name: after } }),
    },
    positionRowOf,
  )
}

/** All that are open in an instrument, by account: from an index, which follows the table within moments. */
export const listOpenPositions = async (lane: number, instrumentId: number): Promise<readonly PositionRow[]> => {
  const rows: PositionRow[] = []
  let from: Item | undefined
  do {
    const { Items = [], LastEvaluatedKey } = await dynamodb().send(
      new QueryCommand({
        TableName: required(table.environmentVariable),
        IndexName: 'open-positions',
        KeyConditionExpression: 'open_market = :market',
        ExpressionAttributeValues: { ':market': marketKeyOf(lane, instrumentId) },
        ...(from === undefined ? {} : { ExclusiveStartKey: { ...from } }),
      }),
    )
    rows.push(...Items.map(positionRowOf))
    from = LastEvaluatedKey
  } while (from !== undefined)
  return rows
}

export const positionPut = (row: PositionRow): Write => ({
  kind: 'put',
  table,
  item: {
    account_id: row.accountId,
    instrument_name: row.instrumentName,
    instrument_id: row.instrumentId,
    ...(row.sizeLots === 0 ? {} : { open_market: marketKeyOf(row.lane, row.instrumentId) }),
    tick_size: row.tickSize,
    min_trade_amount: row.minTradeAmount,
    size_lots: row.sizeLots,
    entry_tick_lots: row.entryTickLots,
    realised_micros: row.realisedMicros,
    updated_at_millis: row.updatedAtMillis,
    event_id: row.eventId,
    lane: row.lane,
    out_seq: row.outSeq,
    is_collateral: row.isCollateral,
    payment_kind: row.payment?.kind,
    payment_command_id: row.payment?.commandId,
    payment_ticks: row.payment?.priceTicks,
    settled_lots: row.payment?.settledLots,
    paid_micros: row.payment?.paidMicros,
  },
})

/** Also for images of the table's stream. */
export const positionRowOf = (item: Item): PositionRow => ({
  accountId: integer(item, 'account_id'),
  instrumentName: text(item, 'instrument_name'),
  instrumentId: integer(item, 'instrument_id'),
  tickSize: text(item, 'tick_size'),
  minTradeAmount: text(item, 'min_trade_amount'),
  sizeLots: integer(item, 'size_lots'),
  entryTickLots: integer(item, 'entry_tick_lots'),
  realisedMicros: integer(item, 'realised_micros'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  eventId: text(item, 'event_id'),
  lane: integer(item, 'lane'),
  outSeq: integer(item, 'out_seq'),
  ...optional('isCollateral', item, 'is_collateral', truth),
  ...optional('payment', item, 'payment_kind', paymentOf),
})

const paymentOf = (item: Item, name: string): Payment => ({
  kind: oneOf(item, name, paymentKinds),
  commandId: text(item, 'payment_command_id'),
  priceTicks: integer(item, 'payment_ticks'),
  settledLots: integer(item, 'settled_lots'),
  paidMicros: integer(item, 'paid_micros'),
})
