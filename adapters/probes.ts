import { DescribeStreamSummaryCommand } from '@aws-sdk/client-kinesis'
import { GetCommand } from '@aws-sdk/lib-dynamodb'
import type { Key, Table } from '#protocol/tables.ts'
import { dynamodb } from './clients/dynamodb.ts'
import { kinesis } from './clients/kinesis.ts'
import { required } from './environment.ts'

/** Reads an item that is not there: an answer is all that is asked for. Throws where there is none. */
export const probeTable = async (table: Table, signal: AbortSignal): Promise<void> => {
  const nowhere = ({ name, type }: Key) => ({ [name]: type === 'N' ? -1 : 'probe' })
  await dynamodb().send(
    new GetCommand({
      TableName: required(table.environmentVariable),
      Key: { ...nowhere(table.partitionKey), ...(table.sortKey === undefined ? {} : nowhere(table.sortKey)) },
      ConsistentRead: true,
    }),
    { abortSignal: signal },
  )
}

/** ACTIVE is a stream that takes records. */
export const streamStatus = async (streamEnvironmentVariable: string, signal: AbortSignal): Promise<string> => {
  const { StreamDescriptionSummary } = await kinesis().send(
    new DescribeStreamSummaryCommand({ StreamName: required(streamEnvironmentVariable) }),
    { abortSignal: signal },
  )
  return StreamDescriptionSummary?.StreamStatus ?? 'unknown'
}
