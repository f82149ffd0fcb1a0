import { BatchGetCommand, type BatchGetCommandInput, GetCommand } from '@aws-sdk/lib-dynamodb'
import { type RejectionCode, rejectionCodes } from '#domain/outcome.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional, text, truth } from '../items.ts'
import type { Write } from '../writes.ts'

/** What the engine answered to a command. */
export interface OutcomeRow {
  readonly commandId: string
  readonly accepted: boolean
  readonly code?: RejectionCode
  /** Of cancel-orders, once all of it is done. */
  readonly cancelledOrders?: number
  readonly atMillis: number
  readonly eventId: string
}

/** Longer than any promise of the commands table: none outlives its outcome. */
const lifetimeSeconds = 31 * 24 * 60 * 60

export const getOutcome = async (commandId: string): Promise<OutcomeRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(tables.outcomes.environmentVariable),
      Key: { command_id: commandId },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** Of so many at once that one request is enough for most. */
const mostKeysOfRead = 100

/** By command; none of those that nobody has answered yet. */
export const getOutcomes = async (commandIds: readonly string[]): Promise<ReadonlyMap<string, OutcomeRow>> => {
  const name = required(tables.outcomes.environmentVariable)
  const found = new Map<string, OutcomeRow>()
  let asked = [...new Set(commandIds)].map((command_id): Item => ({ command_id }))
  while (asked.length > 0) {
    const RequestItems: BatchGetCommandInput['RequestItems'] = {
      [name]: { Keys: asked.slice(0, mostKeysOfRead).map(key => ({ ...key })), ConsistentRead: true },
    }
    const { Responses, UnprocessedKeys } = await dynamodb().send(new BatchGetCommand({ RequestItems }))
    for (const item of Responses?.[name] ?? []) {
      const row = rowOf(item)
      found.set(row.commandId, row)
    }
    // Whatever did not fit the answer, or was throttled, is asked for again.
    asked = [...(UnprocessedKeys?.[name]?.Keys ?? []), ...asked.slice(mostKeysOfRead)]
  }
  return found
}

/** `lifetime`: for good where no other row tells the end of it. */
export const outcomePut = (row: OutcomeRow, lifetime: 'month' | 'for good' = 'month'): Write => ({
  kind: 'put',
  table: tables.outcomes,
  item: {
    command_id: row.commandId,
    accepted: row.accepted,
    code: row.code,
    cancelled_orders: row.cancelledOrders,
    at_millis: row.atMillis,
    event_id: row.eventId,
    ...(lifetime === 'month' && { expires_at: Math.floor(row.atMillis / 1_000) + lifetimeSeconds }),
  },
})

const rowOf = (item: Item): OutcomeRow => ({
  commandId: text(item, 'command_id'),
  accepted: truth(item, 'accepted'),
  ...optional('code', item, 'code', (from, name) => oneOf(from, name, rejectionCodes)),
  ...optional('cancelledOrders', item, 'cancelled_orders', integer),
  atMillis: integer(item, 'at_millis'),
  eventId: text(item, 'event_id'),
})
