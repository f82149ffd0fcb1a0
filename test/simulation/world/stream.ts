/** Streams of one shard, as Kinesis keeps them. */
import {
  type DescribeStreamSummaryInput,
  ExpiredIteratorException,
  type GetRecordsInput,
  type GetShardIteratorInput,
  KinesisServiceException,
  type ListShardsInput,
  type PutRecordInput,
  ResourceNotFoundException,
} from '@aws-sdk/client-kinesis'
import type { Random } from './random.ts'
import type { SimProcess } from './scheduler.ts'

export interface StoredRecord {
  /** 56 digits. */
  readonly sequenceNumber: string
  /** By the stream's own clock. */
  readonly arrivalMillis: number
  readonly data: Uint8Array
  readonly partitionKey: string
  readonly by: SimProcess | undefined
  /** Nobody reads it earlier, in virtual time. */
  readonly visibleMillis: number
}

interface Position {
  readonly madeMillis: number
  /** Of the record itself, or of what follows it. */
  readonly isIncluded: boolean
  /** Empty before the first. */
  readonly sequenceNumber: string
}

export type StreamWatcher = (record: StoredRecord) => void

export interface StreamOptions {
  /** Of its clock against the world's. */
  readonly skewMillis?: number
  readonly shards?: number
  readonly retentionHours?: number
  /** Until what is acknowledged can be read. */
  readonly propagationMillis?: readonly [least: number, most: number]
  /** Of one GetRecords; drawn up to it. */
  readonly mostRecords?: number
}

const $metadata = {}
const shardId = 'shardId-000000000000'
const iteratorMillis = 300_000
const mostBytes = 1_048_576
const sequencePrefix = '4965'
const sequenceDigits = 56

export class SimStream {
  readonly name: string
  /** What it holds; the store's own. */
  readonly records: StoredRecord[] = []
  private readonly options: Required<StreamOptions>
  private readonly random: Random
  private readonly now: () => number
  private readonly wall: () => number
  private readonly watchers: StreamWatcher[] = []
  private readonly positions = new Map<string, Position>()
  private iterators = 0
  private written = 0
  private lastArrivalMillis = 0
  private lastVisibleMillis = 0

  constructor(name: string, options: StreamOptions, random: Random, now: () => number, wall: () => number) {
    this.name = name
    this.options = {
      skewMillis: 0,
      shards: 1,
      retentionHours: 24,
      propagationMillis: [0, 40],
      mostRecords: 1_000,
      ...options,
    }
    this.random = random
    this.now = now
    this.wall = wall
  }

  clear(): void {
    this.records.length = 0
    this.watchers.length = 0
    this.positions.clear()
  }

  watch(watcher: StreamWatcher): void {
    this.watchers.push(watcher)
  }

  /** `isStampedBack`: its clock has gone back a little since the record before. */
  append(data: Uint8Array, by: SimProcess | undefined, partitionKey = 'lane', isStampedBack = false): StoredRecord {
    const { skewMillis, propagationMillis } = this.options
    this.written += 1 + this.random.below(7)
    const steady = Math.max(this.lastArrivalMillis, Math.floor(this.wall() + skewMillis))
    const arrivalMillis = isStampedBack ? steady - 1 - this.random.below(400) : steady
    this.lastArrivalMillis = steady
    const [least, most] = propagationMillis
    this.lastVisibleMillis = Math.max(this.lastVisibleMillis, this.now() + this.random.between(least, most))
    const record: StoredRecord = {
      sequenceNumber: sequencePrefix + String(this.written).padStart(sequenceDigits - sequencePrefix.length, '0'),
      arrivalMillis,
      data,
      partitionKey,
      by,
      visibleMillis: this.lastVisibleMillis,
    }
    this.records.push(record)
    for (const watcher of this.watchers) watcher(record)
    return record
  }

  /** As if retention had ended for the oldest. */
  trim(count: number): void {
    this.records.splice(0, count)
  }

  /** No stream does that: for a gap where none can be. */
  lose(sequenceNumber: string): void {
    const at = this.records.findIndex(record => record.sequenceNumber === sequenceNumber)
    if (at >= 0) this.records.splice(at, 1)
  }

  /** How many there are before the first that does not satisfy it: records lie in the order of their numbers. */
  indexAfter(sequenceNumber: string, isIncluded: boolean): number {
    const wanted = sequenceNumber.padStart(sequenceDigits, '0')
    // Nearly always it is the last one that is asked for.
    const last = this.records.at(-1)
    if (last === undefined || (isIncluded ? last.sequenceNumber < wanted : last.sequenceNumber <= wanted))
      return this.records.length
    let [from, to] = [0, this.records.length]
    while (from < to) {
      const middle = (from + to) >> 1
      const at = this.records[middle]?.sequenceNumber ?? ''
      if (isIncluded ? at < wanted : at <= wanted) from = middle + 1
      else to = middle
    }
    return from
  }

  putRecord(
    { Data, PartitionKey = '' }: PutRecordInput,
    by: SimProcess | undefined,
    isStampedBack: boolean,
  ): { SequenceNumber: string; ShardId: string } {
    if (Data === undefined || Data.length > mostBytes)
      throw invalidArgument(`a record of ${Data?.length} bytes; 1 MiB is the most`)
    return { SequenceNumber: this.append(Data, by, PartitionKey, isStampedBack).sequenceNumber, ShardId: shardId }
  }

  iterator({ ShardIteratorType, StartingSequenceNumber = '' }: GetShardIteratorInput): { ShardIterator: string } {
    switch (ShardIteratorType) {
      case 'TRIM_HORIZON':
        return { ShardIterator: this.iteratorAfter('') }
      case 'LATEST':
        return { ShardIterator: this.iteratorAfter(this.records.at(-1)?.sequenceNumber ?? '') }
      case 'AT_SEQUENCE_NUMBER':
      case 'AFTER_SEQUENCE_NUMBER': {
        if (!/^\d{1,56}$/.test(StartingSequenceNumber))
          throw invalidArgument(`no sequence number of this stream: ${StartingSequenceNumber}`)
        const at = StartingSequenceNumber.padStart(sequenceDigits, '0')
        return { ShardIterator: this.iteratorAfter(at, ShardIteratorType === 'AT_SEQUENCE_NUMBER') }
      }
      default:
        throw invalidArgument(`the iterator type ${ShardIteratorType} is not simulated`)
    }
  }

  private iteratorAfter(sequenceNumber: string, isIncluded = false): string {
    return this.iteratorOf({ madeMillis: this.now(), isIncluded, sequenceNumber })
  }

  private iteratorOf(position: Position): string {
    const iterator = `${this.name}|${++this.iterators}`
    this.positions.set(iterator, position)
    return iterator
  }

  /** `repeated`: so many of the records before it once more. */
  getRecords({ ShardIterator = '', Limit }: GetRecordsInput, isExpired: boolean, repeated: number): object {
    const position = this.positions.get(ShardIterator)
    if (position === undefined) throw invalidArgument(`no iterator of this stream: ${ShardIterator}`)
    const nowMillis = this.now()
    if (isExpired || nowMillis - position.madeMillis > iteratorMillis)
      throw new ExpiredIteratorException({ message: 'Iterator expired', $metadata })
    const { records } = this
    const { sequenceNumber, isIncluded } = position
    const index = sequenceNumber === '' ? 0 : this.indexAfter(sequenceNumber, isIncluded)
    // The first read from a named record begins there, whatever else is delivered twice.
    const from = isIncluded ? index : Math.max(0, index - repeated)
    const most = Math.min(Limit ?? 10_000, 1 + this.random.below(this.options.mostRecords))
    const Records: object[] = []
    let to = from
    for (; to < records.length && to - from < most; to++) {
      const record = records[to] as StoredRecord
      if (record.visibleMillis > nowMillis) break
      Records.push({
        SequenceNumber: record.sequenceNumber,
        ApproximateArrivalTimestamp: new Date(record.arrivalMillis),
        Data: record.data,
        PartitionKey: record.partitionKey,
      })
    }
    const next = records[to]
    const isBehind = next !== undefined && next.visibleMillis <= nowMillis
    const reached =
      to > index
        ? { madeMillis: nowMillis, isIncluded: false, sequenceNumber: (records[to - 1] as StoredRecord).sequenceNumber }
        : { ...position, madeMillis: nowMillis }
    return {
      Records,
      MillisBehindLatest: isBehind ? Math.max(1, Math.floor(this.wall() - next.arrivalMillis)) : 0,
      NextShardIterator: this.iteratorOf(reached),
    }
  }

  listShards(): object {
    return {
      Shards: Array.from({ length: this.options.shards }, (_, index) => ({
        ShardId: `shardId-${String(index).padStart(12, '0')}`,
      })),
    }
  }

  summary(): object {
    return {
      StreamDescriptionSummary: {
        StreamName: this.name,
        StreamStatus: 'ACTIVE',
        RetentionPeriodHours: this.options.retentionHours,
        OpenShardCount: this.options.shards,
      },
    }
  }
}

const invalidArgument = (message: string): KinesisServiceException =>
  new KinesisServiceException({ name: 'InvalidArgumentException', $fault: 'client', $metadata, message })

export class SimStreams {
  private readonly streams = new Map<string, SimStream>()

  add(stream: SimStream): void {
    this.streams.set(stream.name, stream)
  }

  named(name: string | undefined): SimStream {
    const stream = this.streams.get(name ?? '')
    if (stream === undefined) throw new ResourceNotFoundException({ message: `no stream is called ${name}`, $metadata })
    return stream
  }

  clear(): void {
    for (const stream of this.streams.values()) stream.clear()
  }

  ofIterator({ ShardIterator = '' }: GetRecordsInput): SimStream {
    return this.named(ShardIterator.slice(0, Math.max(0, ShardIterator.indexOf('|'))))
  }

  ofInput({ StreamName }: ListShardsInput | DescribeStreamSummaryInput): SimStream {
    return this.named(StreamName)
  }
}
