import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { type ReopeningState, reopeningStates } from '#protocol/reopening.ts'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { type Item, integer, listOf, oneOf, optional, text } from '../items.ts'
import { store } from '../writes.ts'

/** The last time that somebody asked for a halted lane to be reopened; a row of the lanes table. */
export interface ReopeningRow {
  readonly lane: number
  readonly reopeningId: string
  readonly state: ReopeningState
  readonly requestedBy: string
  readonly startedAtMillis: number
  readonly updatedAtMillis: number
  /** Of the leader that the lane had last when replicas were compared. */
  readonly epoch: number
  /** Markets that it halts, once that is decided. */
  readonly instrumentIds?: readonly number[]
  /** Markets that one before it was to halt and to reopen, and did not reopen. */
  readonly inheritedIds: readonly number[]
  readonly auctionsEndAtMillis?: number
  /** The error that the workflow ended with. */
  readonly failure?: string
}

const table = tables.lanes
const key = (lane: number) => ({ lane: String(lane), row: 'reopening' })

export const getReopening = async (lane: number): Promise<ReopeningRow | undefined> => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: key(lane), ConsistentRead: true }),
  )
  return Item === undefined ? undefined : rowOf(Item)
}

/** Only where it is as it was read; false where it is not. */
export const replaceReopening = (row: ReopeningRow, before: ReopeningRow | undefined): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: {
      ...key(row.lane),
      reopening_id: row.reopeningId,
      reopening_state: row.state,
      requested_by: row.requestedBy,
      started_at_millis: row.startedAtMillis,
      updated_at_millis: row.updatedAtMillis,
      epoch: row.epoch,
      instrument_ids: row.instrumentIds,
      inherited_ids: row.inheritedIds,
      auctions_end_at_millis: row.auctionsEndAtMillis,
      failure: row.failure,
    },
    onlyIf: {
      reopening_id: before?.reopeningId,
      reopening_state: before?.state,
      updated_at_millis: before?.updatedAtMillis,
    },
  })

const rowOf = (item: Item): ReopeningRow => ({
  lane: Number(text(item, 'lane')),
  reopeningId: text(item, 'reopening_id'),
  state: oneOf(item, 'reopening_state', reopeningStates),
  requestedBy: text(item, 'requested_by'),
  startedAtMillis: integer(item, 'started_at_millis'),
  updatedAtMillis: integer(item, 'updated_at_millis'),
  epoch: integer(item, 'epoch'),
  ...optional('instrumentIds', item, 'instrument_ids', integers),
  inheritedIds: integers(item, 'inherited_ids'),
  ...optional('auctionsEndAtMillis', item, 'auctions_end_at_millis', integer),
  ...optional('failure', item, 'failure', text),
})

const integers = (item: Item, name: string): readonly number[] =>
  listOf(item, name).map(value => {
    if (typeof value !== 'number') throw new Error(`${name} is no list of numbers`)
    return value
  })
