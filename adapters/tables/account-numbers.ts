import { BatchGetCommand, type BatchGetCommandInput, GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { accountNumberOf } from '../account-keys.ts'
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

/** Of so many at once that one request is enough for most. */
const mostKeysOfRead = 100

/** Names and firms by account number; none of those that have not been projected yet. */
export const accountsNumbered = async (
  lane: number,
  accountIds: Iterable<number>,
): Promise<ReadonlyMap<number, AccountNumberRow>> => {
  const name = required(table.environmentVariable)
  const numbers = new Map([...accountIds].map(accountId => [accountNumberOf(lane, accountId), accountId]))
  const found = new Map<number, AccountNumberRow>()
  let asked = [...numbers.keys()].map((account_number): Item => ({ account_number }))
  while (asked.length > 0) {
    const RequestItems: BatchGetCommandInput['RequestItems'] = {
      [name]: { Keys: asked.slice(0, mostKeysOfRead).map(key => ({ ...key })), ConsistentRead: true },
    }
    const { Responses, UnprocessedKeys } = await dynamodb().send(new BatchGetCommand({ RequestItems }))
    for (const item of Responses?.[name] ?? []) {
      const accountId = numbers.get(text(item, 'account_number'))
      if (accountId !== undefined)
        found.set(accountId, { lane, accountId, account: nameOf(item), firm: text(item, 'firm') })
    }
    // Whatever did not fit the answer, or was throttled, is asked for again.
    asked = [...(UnprocessedKeys?.[name]?.Keys ?? []), ...asked.slice(mostKeysOfRead)]
  }
  return found
}

/** For tests, whose tables come and go. */
export const forgetAccountNumbers = (): void => known.clear()

export const accountNumberPut = ({ lane, accountId, account, firm }: AccountNumberRow): Write => ({
  kind: 'put',
  table,
  item: { account_number: accountNumberOf(lane, accountId), account, firm },
})

const nameOf = (item: Item): string => text(item, 'account')
