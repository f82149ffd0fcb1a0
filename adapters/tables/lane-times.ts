import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { integer } from '../items.ts'
import type { Write } from '../writes.ts'

/** Lane time up to which a projector has seen every event, to the second; a row of the lanes table. */
const table = tables.lanes
const key = (projector: string, lane: number) => ({ lane: String(lane), row: `time#${projector}` })

/** 0 before the first. */
export const getLaneTime = async (projector: string, lane: number): Promise<number> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: key(projector, lane),
      ConsistentRead: true,
    }),
  )
  return Item === undefined ? 0 : integer(Item, 'at_millis')
}

export const laneTimePut = (projector: string, lane: number, atMillis: number): Write => ({
  kind: 'put',
  table,
  item: { ...key(projector, lane), at_millis: atMillis },
})
