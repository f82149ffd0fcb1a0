import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient, ListShardsCommand } from '@aws-sdk/client-kinesis'
import { mockClient } from 'aws-sdk-client-mock'
import type { Event } from '#domain/trading/events.ts'
import { encodeExecutionsFrame, firstChain } from '#protocol/executions-frame.ts'
import { executionStreamEnvironmentVariable } from '#protocol/streams.ts'

export interface ExecutionsRecord {
  readonly sequenceNumber: string
  readonly data: Uint8Array
}

const inputSequence = (outSeq: number): string => String(outSeq).padStart(56, '0')
/** As Kinesis numbers: 56 digits, ascending. */
export const recordSequence = (position: number): string => String(4_900_000 + position).padEnd(56, '0')

/** One record of these events, each the only one of its input record, whose number is that of the event. */
export const executionsRecord = (
  position: number,
  firstOutSeq: number,
  events: readonly Event[],
  lane = 1,
  atMillisOf: (outSeq: number) => number = outSeq => 1_800_000_000_000 + outSeq,
): ExecutionsRecord => ({
  sequenceNumber: recordSequence(position),
  data: encodeExecutionsFrame({
    lane,
    epoch: 1,
    firstOutSeq,
    sections: events.map((event, index) => ({
      inputSequence: inputSequence(firstOutSeq + index),
      atMillis: atMillisOf(firstOutSeq + index),
      chain: firstChain,
      firstIndex: 0,
      events: [event],
    })),
  }),
})

/** Events numbered from 1 in records of these lengths, over and over. */
export const recordsOf = (
  events: readonly Event[],
  lengths: readonly number[],
  atMillisOf?: (outSeq: number) => number,
): readonly ExecutionsRecord[] => {
  const records: ExecutionsRecord[] = []
  for (let at = 0; at < events.length; ) {
    const length = lengths[records.length % lengths.length] ?? 1
    records.push(executionsRecord(records.length + 1, at + 1, events.slice(at, at + length), 1, atMillisOf))
    at += length
  }
  return records
}

/** The executions stream of lane 1 in memory, for whoever reads it again. */
export const mockExecutionsStream = (): {
  hold(records: readonly ExecutionsRecord[]): void
  reads(): number
} => {
  const mock = mockClient(KinesisClient)
  process.env[executionStreamEnvironmentVariable(1)] = 'test-executions-1'
  return {
    hold(records) {
      mock.reset()
      mock.on(ListShardsCommand).resolves({
        Shards: [
          {
            ShardId: 'shardId-000000000000',
            HashKeyRange: { StartingHashKey: '0', EndingHashKey: '1' },
            SequenceNumberRange: { StartingSequenceNumber: '0' },
          },
        ],
      })
      mock.on(GetShardIteratorCommand).callsFake(input => ({
        ShardIterator: input.ShardIteratorType === 'TRIM_HORIZON' ? '' : String(input.StartingSequenceNumber),
      }))
      // Two a page, so that reading goes on.
      mock.on(GetRecordsCommand).callsFake(input => {
        const after = String(input.ShardIterator)
        const page = records.filter(({ sequenceNumber }) => sequenceNumber > after).slice(0, 2)
        return {
          Records: page.map(({ sequenceNumber, data }) => ({
            SequenceNumber: sequenceNumber,
            Data: data,
            PartitionKey: 'lane',
            ApproximateArrivalTimestamp: new Date(0),
          })),
          NextShardIterator: page.at(-1)?.sequenceNumber ?? after,
          MillisBehindLatest: 0,
        }
      })
    },
    reads: () => mock.commandCalls(GetRecordsCommand).length,
  }
}
