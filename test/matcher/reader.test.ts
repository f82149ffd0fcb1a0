import {
  ExpiredIteratorException,
  GetRecordsCommand,
  GetShardIteratorCommand,
  InvalidArgumentException,
  KinesisClient,
  ListShardsCommand,
  ProvisionedThroughputExceededException,
  ResourceInUseException,
  SubscribeToShardCommand,
  type SubscribeToShardEventStream,
} from '@aws-sdk/client-kinesis'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import {
  fanOutReader,
  pollingReader,
  StreamNotSingle,
  type StreamPosition,
  StreamPositionUnknown,
  type StreamReader,
} from '#adapters/streams/reader.ts'

process.env['AWS_REGION'] = 'eu-central-1'
const kinesis = mockClient(KinesisClient)
const arrived = new Date(1_700_000_000_000)
const record = (SequenceNumber: string) => ({
  SequenceNumber,
  ApproximateArrivalTimestamp: arrived,
  Data: new Uint8Array([1]),
  PartitionKey: 'lane',
})
const fault = { $metadata: {}, message: 'as the test wants it' }

beforeEach(() => {
  kinesis.reset()
  kinesis.on(ListShardsCommand).resolves({
    Shards: [{ ShardId: 'shard-0', HashKeyRange: undefined, SequenceNumberRange: undefined }],
  })
})

/** What a reader yields until so many records have come, or what it throws. */
const read = async (reader: StreamReader, position: StreamPosition, count: number): Promise<readonly string[]> => {
  const end = new AbortController()
  const numbers: string[] = []
  for await (const { records } of reader.read(position, end.signal)) {
    numbers.push(...records.map(({ sequenceNumber }) => sequenceNumber))
    if (numbers.length >= count) break
  }
  return numbers
}

describe('reading by polling', () => {
  const reader = pollingReader({ streamName: 'orders-1', intervalMillis: 1 })
  const positions = () =>
    kinesis.commandCalls(GetShardIteratorCommand).map(({ args: [{ input }] }) => ({
      type: input.ShardIteratorType,
      at: input.StartingSequenceNumber,
    }))

  test('goes on after the last record when its iterator has expired, and after being throttled', async () => {
    kinesis.on(GetShardIteratorCommand).resolvesOnce({ ShardIterator: 'a' }).resolvesOnce({ ShardIterator: 'c' })
    kinesis
      .on(GetRecordsCommand, { ShardIterator: 'a' })
      .resolves({ Records: [record('11'), record('12')], NextShardIterator: 'b' })
    kinesis.on(GetRecordsCommand, { ShardIterator: 'b' }).rejects(new ExpiredIteratorException(fault))
    kinesis
      .on(GetRecordsCommand, { ShardIterator: 'c' })
      .rejectsOnce(new ProvisionedThroughputExceededException(fault))
      .resolves({ Records: [record('13')], NextShardIterator: 'd' })
    expect(await read(reader, { from: 'TRIM_HORIZON' }, 3)).toEqual(['11', '12', '13'])
    expect(positions()).toEqual([
      { type: 'TRIM_HORIZON', at: undefined },
      { type: 'AFTER_SEQUENCE_NUMBER', at: '12' },
    ])
  })

  test('takes padded positions', async () => {
    kinesis.on(GetShardIteratorCommand).resolves({ ShardIterator: 'a' })
    kinesis.on(GetRecordsCommand).resolves({ Records: [record('40')], NextShardIterator: 'b' })
    await read(reader, { at: '0'.repeat(54).concat('40') }, 1)
    expect(positions()).toEqual([{ type: 'AT_SEQUENCE_NUMBER', at: '40' }])
  })

  test('refuses a stream that is, or becomes, more than one shard, and a position of another stream', async () => {
    kinesis.on(GetShardIteratorCommand).resolves({ ShardIterator: 'a' })
    kinesis.on(GetRecordsCommand).resolves({ Records: [record('11')] })
    await expect(read(reader, { from: 'TRIM_HORIZON' }, 2)).rejects.toThrow(StreamNotSingle)
    kinesis.on(GetShardIteratorCommand).rejects(new InvalidArgumentException(fault))
    await expect(read(reader, { after: '7' }, 1)).rejects.toThrow(StreamPositionUnknown)
    const shards = ['shard-0', 'shard-1'].map(ShardId => ({
      ShardId,
      HashKeyRange: undefined,
      SequenceNumberRange: undefined,
    }))
    kinesis.on(ListShardsCommand).resolves({ Shards: shards })
    await expect(read(reader, { from: 'TRIM_HORIZON' }, 1)).rejects.toThrow('the stream orders-1 has 2 shards')
  })
})

describe('reading by enhanced fan-out', () => {
  const failures: unknown[] = []
  const reader = fanOutReader({
    streamName: 'orders-1',
    consumerArn: 'arn:consumer',
    resubscribeMillis: 1,
    onRetry: ({ error }) => failures.push(error),
  })
  const positions = () =>
    kinesis.commandCalls(SubscribeToShardCommand).map(({ args: [{ input }] }) => input.StartingPosition)

  const event = (
    numbers: readonly string[],
    ContinuationSequenceNumber: string,
    more: { ChildShards?: [] | [{ ShardId: string; ParentShards: []; HashKeyRange: undefined }] } = {},
  ): SubscribeToShardEventStream => ({
    SubscribeToShardEvent: {
      Records: numbers.map(record),
      ContinuationSequenceNumber,
      MillisBehindLatest: 0,
      ...more,
    },
  })
  const subscription = (...events: readonly SubscribeToShardEventStream[]) => ({
    async *[Symbol.asyncIterator]() {
      yield* events
    },
  })

  test('subscribes again after each end and error, behind what it has, and delivers nothing twice', async () => {
    const lost: SubscribeToShardEventStream = { ResourceInUseException: new ResourceInUseException(fault) }
    kinesis
      .on(SubscribeToShardCommand)
      .rejectsOnce(new ResourceInUseException(fault))
      .resolvesOnce({ EventStream: subscription(event(['21', '22'], '22'), event([], '25')) })
      .resolvesOnce({ EventStream: subscription(event(['26'], '26'), lost) })
      .resolves({ EventStream: subscription(event(['26', '27'], '27')) })
    expect(await read(reader, { from: 'TRIM_HORIZON' }, 4)).toEqual(['21', '22', '26', '27'])
    expect(positions()).toEqual([
      { Type: 'TRIM_HORIZON' },
      { Type: 'TRIM_HORIZON' },
      { Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: '25' },
      { Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: '26' },
    ])
    expect(failures).toHaveLength(2)
  })

  test('keeps asking for the named record until one has come', async () => {
    kinesis
      .on(SubscribeToShardCommand)
      .resolvesOnce({ EventStream: subscription(event([], '19')) })
      .resolves({ EventStream: subscription(event(['21'], '21')) })
    expect(await read(reader, { at: '20' }, 1)).toEqual(['21'])
    expect(positions()).toEqual(Array(2).fill({ Type: 'AT_SEQUENCE_NUMBER', SequenceNumber: '20' }))
  })

  test('refuses a stream that is resharded', async () => {
    const ChildShards: [{ ShardId: string; ParentShards: []; HashKeyRange: undefined }] = [
      { ShardId: 'shard-1', ParentShards: [], HashKeyRange: undefined },
    ]
    kinesis.on(SubscribeToShardCommand).resolves({ EventStream: subscription(event(['21'], '21', { ChildShards })) })
    await expect(read(reader, { from: 'TRIM_HORIZON' }, 2)).rejects.toThrow(StreamNotSingle)
  })
})
