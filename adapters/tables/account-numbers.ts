import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, text } from '../items.ts'
import type { Write } from '../writes.ts'

/** By which name the account of a number goes, and of which firm it is. */
export interface AccountNumberRow {
  readonly lane: number
  readonly accountId: number
  readonly account: string
  readonly firm: string
}

const table = tables.accountNumbers

/** How an account is named in the keys of what is its own: each lane numbers its accounts by itself. */
export const accountNumberOf = (lane: number, accountId: number): string => `${lane}#${accountId}`

/** What an account is called never changes: it is read once a process. */
const known = new Map<string, string>()
const mostRemembered = 10_000

/** Undefined for an account that has not been projected yet. */
export const accountNamed = async (lane: number, accountId: number): Promise<string | undefined> => {
  const key = accountNumberOf(lane, accountId)
  const remembered = known.get(key)
  if (remembered !== undefined) return remembered
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { account_number: key },
      ConsistentRead: true,
    }),
  )
  if (Item === undefined) return undefined
  const account = nameOf(Item)
  if (known.size >= mostRemembered) known.clear()
  known.set(key, account)
  return account
}

/** For tests, whose tables come and go. */
export const forgetAccountNumbers = (): void => known.clear()

export const accountNumberPut = ({ lane, accountId, account, firm }: AccountNumberRow): Write => ({
  kind: 'put',
  table,
  item: { account_number: accountNumberOf(lane, accountId), account, firm },
})

const nameOf = (item: Item): string => text(item, 'account')
