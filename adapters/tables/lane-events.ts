import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { integer, text } from '../items.ts'
import type { Write } from '../writes.ts'

/** What a lane's own events have told of it last; rows of the lanes table. */
const table = tables.lanes
const versionKey = (lane: number) => ({ lane: String(lane), row: 'engine-version' })
const epochKey = (lane: number) => ({ lane: String(lane), row: 'epoch' })

/** Whose rules the lane follows since when. */
export interface ActivatedVersion {
  readonly version: number
  readonly atMillis: number
}

/** The last leader's beginning, and the SHA-256 of the engine's state there: a replay must come to the same. */
export interface StartedEpoch {
  readonly epoch: number
  readonly stateHash: string
  readonly atMillis: number
}

/** Undefined where none was ever activated: the lane follows the first. */
export const getActivatedVersion = async (lane: number): Promise<ActivatedVersion | undefined> => {
  const item = await read(versionKey(lane))
  return item === undefined
    ? undefined
    : { version: integer(item, 'engine_version'), atMillis: integer(item, 'at_millis') }
}

export const activatedVersionPut = (lane: number, { version, atMillis }: ActivatedVersion): Write => ({
  kind: 'put',
  table,
  item: { ...versionKey(lane), engine_version: version, at_millis: atMillis },
})

export const getStartedEpoch = async (lane: number): Promise<StartedEpoch | undefined> => {
  const item = await read(epochKey(lane))
  return item === undefined
    ? undefined
    : { epoch: integer(item, 'epoch'), stateHash: text(item, 'state_hash'), atMillis: integer(item, 'at_millis') }
}

export const startedEpochPut = (lane: number, { epoch, stateHash, atMillis }: StartedEpoch): Write => ({
  kind: 'put',
  table,
  item: { ...epochKey(lane), epoch, state_hash: stateHash, at_millis: atMillis },
})

const read = async (key: ReturnType<typeof versionKey>) => {
  const { Item } = await dynamodb().send(
    new GetCommand({ TableName: required(table.environmentVariable), Key: key, ConsistentRead: true }),
  )
  return Item
}
