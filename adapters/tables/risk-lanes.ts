import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, optional, text } from '../items.ts'
import type { Write } from '../writes.ts'

/** What a lane's own events have told of its epochs of risk. */
export interface RiskLaneRow {
  readonly lane: number
  /** By which its margin is computed; absent before the first one. */
  readonly adoptedVersion?: number
  readonly adoptedSetVersion?: number
  readonly adoptedInstruments?: number
  readonly adoptedAtMillis?: number
  readonly begunVersion?: number
  readonly begunAtMillis?: number
  /** The epoch that was found to be out of date last; it is due as long as it is the adopted one. */
  readonly dueVersion?: number
  readonly dueInstrumentId?: number
  readonly dueAtMillis?: number
}

const table = tables.riskLanes

export const getRiskLane = async (lane: number): Promise<RiskLaneRow> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { lane: String(lane) },
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? { lane } : riskLaneOf(Item)
}

export const riskLaneUpdate = (lane: number, row: Omit<RiskLaneRow, 'lane'>): Write => ({
  kind: 'update',
  table,
  key: { lane: String(lane) },
  set: {
    adopted_version: row.adoptedVersion,
    adopted_set_version: row.adoptedSetVersion,
    adopted_instruments: row.adoptedInstruments,
    adopted_at_millis: row.adoptedAtMillis,
    begun_version: row.begunVersion,
    begun_at_millis: row.begunAtMillis,
    due_version: row.dueVersion,
    due_instrument_id: row.dueInstrumentId,
    due_at_millis: row.dueAtMillis,
  },
})

/** Also of images of the table's stream. */
export const riskLaneOf = (item: Item): RiskLaneRow => ({
  lane: Number(text(item, 'lane')),
  ...optional('adoptedVersion', item, 'adopted_version', integer),
  ...optional('adoptedSetVersion', item, 'adopted_set_version', integer),
  ...optional('adoptedInstruments', item, 'adopted_instruments', integer),
  ...optional('adoptedAtMillis', item, 'adopted_at_millis', integer),
  ...optional('begunVersion', item, 'begun_version', integer),
  ...optional('begunAtMillis', item, 'begun_at_millis', integer),
  ...optional('dueVersion', item, 'due_version', integer),
  ...optional('dueInstrumentId', item, 'due_instrument_id', integer),
  ...optional('dueAtMillis', item, 'due_at_millis', integer),
})

/** Whether what decides in the lane no longer tells the risk of an instrument. */
export const isEpochDue = ({ adoptedVersion, dueVersion }: RiskLaneRow): boolean =>
  adoptedVersion !== undefined && dueVersion === adoptedVersion
