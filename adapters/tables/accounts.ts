import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store, type Write } from '../writes.ts'

export interface AccountRow {
  /** The name that credentials carry. */
  readonly account: string
  readonly accountState: AccountState
  /** From the engine, once it is open. */
  readonly accountId?: number
  readonly lane: number
  /** Of the attempt's open-account command. */
  readonly commandId: string
  /** Counts the workflow executions that have tried to open it, from 1; 0 where none has. */
  readonly attempt: number
  /** Why the attempt failed: a rejection code or the workflow's error. */
  readonly failure?: string
  /** Of the workflow's step that waits for the engine. */
  readonly taskToken?: string
  readonly createdAtMillis: number
  readonly openedAtMillis?: number
  /** Whose owner may act for the account: that of the firm's main account, which has its name. */
  readonly firm?: string
}

const accountStates = ['opening', 'open', 'failed'] as const
export type AccountState = (typeof accountStates)[number]

const table = tables.accounts

export const getAccount = async (account: string): Promise<AccountRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: { account }, ConsistentRead: true }),
  )
  return Item === undefined ? undefined : accountRowOf(Item)
}

/** Those that are opened or being opened for a firm, by name: from an index, which follows the table within moments. */
export const listAccountsOfFirm = (firm: string, limit: number): Promise<Page<AccountRow>> =>
  page(
    { table, index: 'by-firm', partition: { name: 'firm', value: firm }, sortKeyName: 'account', limit },
    accountRowOf,
  )

/**
 * Puts the row in the place of the one that was read (undefined: none); false where that has changed in between.
 * State, attempt and task token are all that ever changes of a row before it is open.
 */
export const replaceAccount = (row: AccountRow, read: AccountRow | undefined): Promise<boolean> =>
  store(accountReplacement(row, read))

export const accountReplacement = (row: AccountRow, read: AccountRow | undefined): Write => ({
  kind: 'put',
  table,
  item: {
    account: row.account,
    account_state: row.accountState,
    account_id: row.accountId,
    lane: row.lane,
    command_id: row.commandId,
    attempt: row.attempt,
    failure: row.failure,
    task_token: row.taskToken,
    created_at_millis: row.createdAtMillis,
    opened_at_millis: row.openedAtMillis,
    firm: row.firm,
  },
  onlyIf: { account_state: read?.accountState, attempt: read?.attempt, task_token: read?.taskToken },
})

/** Also for images of the table's stream. */
export const accountRowOf = (item: Item): AccountRow => ({
  account: text(item, 'account'),
  accountState: oneOf(item, 'account_state', accountStates),
  ...optional('accountId', item, 'account_id', integer),
  lane: integer(item, 'lane'),
  commandId: text(item, 'command_id'),
  attempt: integer(item, 'attempt'),
  ...optional('failure', item, 'failure', text),
  ...optional('taskToken', item, 'task_token', text),
  createdAtMillis: integer(item, 'created_at_millis'),
  ...optional('openedAtMillis', item, 'opened_at_millis', integer),
  ...optional('firm', item, 'firm', text),
})
