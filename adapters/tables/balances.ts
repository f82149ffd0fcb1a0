import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, text } from '../items.ts'
import type { Write } from '../writes.ts'

export interface BalanceRow {
  readonly accountId: number
  readonly currency: 'USD'
  readonly cashMicros: number
  readonly updatedAtMillis: number
  /** Of the event that made the row what it is. */
  readonly eventId: string
  readonly outSeq: number
}

const table = tables.balances

export const getBalance = async (accountId: number, currency: 'USD'): Promise<BalanceRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { account_id: accountId, currency },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

export const balancePut = (row: BalanceRow): Write => ({
  kind: 'put',
  table,
  item: {
    account_id: row.accountId,
    currency: row.currency,
    cash_micros: row.cashMicros,
    updated_at_millis: row.updatedAtMillis,
    event_id: row.eventId,
    out_seq: row.outSeq,
  },
})

const rowOf = (item: Item): BalanceRow => ({
  accountId: integer(item, 'account_id'),
  currency: oneOf(item, 'currency', ['USD']),
  cashMicros: integer(item, 'cash_micros'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  eventId: text(item, 'event_id'),
  outSeq: integer(item, 'out_seq'),
})
