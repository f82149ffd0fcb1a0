import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type RejectionCode, rejectionCodes } from '#domain/outcome.ts'
import { type Direction, directions } from '#domain/trading/commands.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, oneOf, optional } from '../items.ts'
import type { Write } from '../writes.ts'

/** What the engine answered to a mass quote, once it has answered all of it. */
export interface QuoteOutcomeRow {
  readonly acceptedSides: number
  readonly rejectedSides: readonly RejectedSide[]
  /** Where it refused the whole command. */
  readonly code?: RejectionCode
  readonly atMillis: number
}

export interface RejectedSide {
  readonly instrumentId: number
  readonly direction: Direction
  readonly code: RejectionCode
}

const table = tables.quoteOutcomes

/** As long as an outcome of any other command. */
const lifetimeSeconds = 31 * 24 * 60 * 60

/** Undefined until the engine's last word on it was projected. */
export const getQuoteOutcome = async (commandId: string): Promise<QuoteOutcomeRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { command_id: commandId },
      ConsistentRead: true,
    }),
  )
  return Item?.['at_millis'] === undefined ? undefined : rowOf(Item)
}

/** An attribute for each side: events may come in several transactions, and each again. */
export const quoteRejection = (commandId: string, side: RejectedSide, atMillis: number): Write =>
  change(commandId, atMillis, { [`${side.direction}_${side.instrumentId}`]: side.code })

export const quoteEnd = (
  commandId: string,
  end: { readonly acceptedSides: number; readonly code?: RejectionCode },
  atMillis: number,
): Write => change(commandId, atMillis, { accepted_sides: end.acceptedSides, code: end.code, at_millis: atMillis })

const change = (commandId: string, atMillis: number, set: Item): Write => ({
  kind: 'update',
  table,
  key: { command_id: commandId },
  set: { ...set, expires_at: Math.floor(atMillis / 1_000) + lifetimeSeconds },
})

const rowOf = (item: Item): QuoteOutcomeRow => ({
  acceptedSides: integer(item, 'accepted_sides'),
  rejectedSides: Object.keys(item).flatMap(name => {
    const [, side, instrumentId] = /^(buy|sell)_([0-9]+)$/.exec(name) ?? []
    const direction = directions.find(each => each === side)
    if (direction === undefined) return []
    return [{ instrumentId: Number(instrumentId), direction, code: oneOf(item, name, rejectionCodes) }]
  }),
  ...optional('code', item, 'code', (from, name) => oneOf(from, name, rejectionCodes)),
  atMillis: integer(item, 'at_millis'),
})
