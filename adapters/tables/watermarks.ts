import { GetCommand } from '@aws-sdk/lib-dynamodb'
import { tables } from '#protocol/tables.ts'
import { dynamodb } from '../clients/dynamodb.ts'
import { required } from '../environment.ts'
import { integer, optional, text } from '../items.ts'
import type { Write } from '../writes.ts'

/** How far a projector has come in a lane; a row of the lanes table. */
export interface Watermark {
  /** The last event applied; 0 before the first. */
  readonly outSeq: number
  /** The last record of the executions stream of which every event is applied: 56 digits; none before the first. */
  readonly recordSequence?: string
}

const table = tables.lanes
const key = (projector: string, lane: number) => ({ lane: String(lane), row: `projector#${projector}` })

export const getWatermark = async (projector: string, lane: number): Promise<Watermark> => {
  const { Item } = await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: key(projector, lane),
      ConsistentRead: true,
    }),
  )
  if (Item === undefined) return { outSeq: 0 }
  return { outSeq: integer(Item, 'out_seq'), ...optional('recordSequence', Item, 'record_sequence', text) }
}

/** Only from the watermark that was known: whoever held an older one writes nothing. */
export const watermarkMove = (projector: string, lane: number, from: Watermark, to: Watermark): Write => ({
  kind: 'put',
  table,
  item: { ...key(projector, lane), out_seq: to.outSeq, record_sequence: to.recordSequence },
  onlyIf: { out_seq: from.outSeq === 0 ? undefined : from.outSeq },
})
