import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb'
import { GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, optional, text } from '../items.ts'
import { transact, type Write } from '../writes.ts'

/** What the intake has promised to a principal under the name that the principal gave the request. */
export interface CommandRow {
  readonly principal: string
  readonly requestName: string
  readonly commandId: string
  readonly operation: string
  readonly bodyHash: string
  readonly lane: number
  readonly accountId?: number
  readonly requestJson: string
  readonly createdAtMillis: number
  readonly expiresAtSeconds: number
}

const table = () => required(tables.commands.environmentVariable)
const mostAttempts = 3

/** Takes the name for this request, or gives the request that has it already. */
export const promise = async (row: CommandRow): Promise<{ first: true } | { first: false; row: CommandRow }> => {
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    try {
      await dynamodb().send(
        new PutCommand({
          TableName: table(),
          Item: itemOf(row),
          ConditionExpression: 'attribute_not_exists(principal)',
        }),
      )
      return { first: true }
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error
    }
    const stored = await findByRequestName(row.principal, row.requestName)
    // Absent: it has expired between the put and the read.
    if (stored !== undefined) return { first: false, row: stored }
  }
  throw new Error(`the request name ${row.requestName} was taken and gone ${mostAttempts} times`)
}

type Promised = Awaited<ReturnType<typeof promise>>

/**
 * The same for up to 100 of one principal, whose names differ: those that are free are taken in one transaction. The
 * answers stand in the order of the rows.
 */
export const promiseAll = async (rows: readonly CommandRow[]): Promise<readonly Promised[]> => {
  const taken = new Map<string, CommandRow>()
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const free = rows.filter(({ requestName }) => !taken.has(requestName))
    if (free.length === 0 || (await transact(free.map(commandPut))))
      return rows.map(({ requestName }) => {
        const row = taken.get(requestName)
        return row === undefined ? { first: true } : { first: false, row }
      })
    const found = await Promise.all(free.map(({ principal, requestName }) => findByRequestName(principal, requestName)))
    for (const row of found) if (row !== undefined) taken.set(row.requestName, row)
  }
  throw new Error(`request names were taken and gone ${mostAttempts} times`)
}

const commandPut = (row: CommandRow): Write => ({
  kind: 'put',
  table: tables.commands,
  item: itemOf(row),
  onlyIf: { principal: undefined },
})

export const findByRequestName = async (principal: string, requestName: string): Promise<CommandRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: table(), Key: { principal, request_name: requestName }, ConsistentRead: true }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** Consistent: a read by id right after the answer that named the id finds it. */
export const findByCommandId = async (principal: string, commandId: string): Promise<CommandRow | undefined> => {
  const { Items = [] } = await dynamodb().send(
    new QueryCommand({
      TableName: table(),
      IndexName: 'by-command-id',
      ConsistentRead: true,
      KeyConditionExpression: 'principal = :principal AND command_id = :command_id',
      ExpressionAttributeValues: { ':principal': principal, ':command_id': commandId },
      Limit: 1,
    }),
  )
  const [item] = Items
  return item === undefined ? undefined : rowOf(item)
}

const itemOf = (row: CommandRow): Record<string, unknown> => ({
  principal: row.principal,
  request_name: row.requestName,
  command_id: row.commandId,
  operation: row.operation,
  body_hash: row.bodyHash,
  lane: row.lane,
  account_id: row.accountId,
  request_json: row.requestJson,
  created_at_millis: row.createdAtMillis,
  expires_at: row.expiresAtSeconds,
})

const rowOf = (item: Item): CommandRow => ({
  principal: text(item, 'principal'),
  requestName: text(item, 'request_name'),
  commandId: text(item, 'command_id'),
  operation: text(item, 'operation'),
  bodyHash: text(item, 'body_hash'),
  lane: integer(item, 'lane'),
  ...optional('accountId', item, 'account_id', integer),
  requestJson: text(item, 'request_json'),
  createdAtMillis: integer(item, 'created_at_millis'),
  expiresAtSeconds: integer(item, 'expires_at'),
})
