import { BatchGetCommand, type BatchGetCommandInput, GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text } from '../items.ts'
import type { Write } from '../writes.ts'

export interface BalanceRow {
  readonly accountId: number
  readonly currency: 'USD'
  readonly cashMicros: number
  /** What of it is put by: the sum of the account's holds. */
  readonly heldMicros: number
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

/** Of so many at once that one request is enough for most. */
const mostKeysOfRead = 100

/** By account; none of those that have none. */
export const getBalances = async (
  accountIds: Iterable<number>,
  currency: 'USD',
): Promise<ReadonlyMap<number, BalanceRow>> => {
  const name = required(table.environmentVariable)
  const found = new Map<number, BalanceRow>()
  let asked = [...new Set(accountIds)].map((account_id): Item => ({ account_id, currency }))
  while (asked.length > 0) {
    const RequestItems: BatchGetCommandInput['RequestItems'] = {
      [name]: { Keys: asked.slice(0, mostKeysOfRead).map(key => ({ ...key })), ConsistentRead: true },
    }
    const { Responses, UnprocessedKeys } = await dynamodb().send(new BatchGetCommand({ RequestItems }))
    for (const item of Responses?.[name] ?? []) {
      const row = rowOf(item)
      found.set(row.accountId, row)
    }
    // Whatever did not fit the answer, or was throttled, is asked for again.
    asked = [...(UnprocessedKeys?.[name]?.Keys ?? []), ...asked.slice(mostKeysOfRead)]
  }
  return found
}

/** Of an account that was just opened. */
export const balancePut = (row: BalanceRow): Write => ({
  kind: 'put',
  table,
  item: { ...keyOf(row), ...attributesOf(row) },
})

/** Events tell what the cash is, or what is held of it, or both. */
export type BalanceChange = Omit<BalanceRow, 'cashMicros' | 'heldMicros'> &
  Partial<Pick<BalanceRow, 'cashMicros' | 'heldMicros'>>

export const balanceChange = (change: BalanceChange): Write => ({
  kind: 'update',
  table,
  key: keyOf(change),
  set: attributesOf(change),
})

const keyOf = ({ accountId, currency }: Pick<BalanceRow, 'accountId' | 'currency'>): Item => ({
  account_id: accountId,
  currency,
})

const attributesOf = (row: BalanceChange): Item => ({
  cash_micros: row.cashMicros,
  held_micros: row.heldMicros,
  updated_at_millis: row.updatedAtMillis,
  event_id: row.eventId,
  out_seq: row.outSeq,
})

const rowOf = (item: Item): BalanceRow => ({
  accountId: integer(item, 'account_id'),
  currency: oneOf(item, 'currency', ['USD']),
  cashMicros: integer(item, 'cash_micros'),
  // Rows that were written before there were holds have none.
  heldMicros: optional('heldMicros', item, 'held_micros', integer).heldMicros ?? 0,
  updatedAtMillis: integer(item, 'updated_at_millis'),
  eventId: text(item, 'event_id'),
  outSeq: integer(item, 'out_seq'),
})
