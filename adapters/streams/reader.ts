import {
  DescribeStreamSummaryCommand,
  ExpiredIteratorException,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type _Record as KinesisRecord,
  KinesisServiceException,
  ListShardsCommand,
  type Shard,
  type ShardIteratorType,
  SubscribeToShardCommand,
  type SubscribeToShardEventStream,
} from '@aws-sdk/client-kinesis'
import { kinesis } from '../clients/kinesis.ts'

/** One reader, two transports: polling costs little, enhanced fan-out delivers within about 70 ms. */
export interface StreamReader {
  /** Ends when the signal is given; throws what another attempt would not heal. Batches may be empty. */
  read(position: StreamPosition, signal: AbortSignal): AsyncIterable<Batch>
}

/** `at` delivers the named record first, if the stream still holds it; what comes first otherwise is not promised. */
export type StreamPosition =
  | { readonly from: 'TRIM_HORIZON' | 'LATEST' }
  | { readonly at: string }
  | { readonly after: string }

export interface StreamRecord {
  /** Kinesis' own, 56 digits. */
  readonly sequenceNumber: string
  readonly arrivalMillis: number
  readonly data: Uint8Array
}

export interface Batch {
  readonly records: readonly StreamRecord[]
  readonly millisBehindLatest: number
}

/** The stream has, or had, more than one shard: its records have no total order. */
export class StreamNotSingle extends Error {
  override readonly name = 'StreamNotSingle'
  constructor(streamName: string, how: string) {
    super(`the stream ${streamName} ${how}; a lane's streams have one shard and are never resharded`)
  }
}

/** The position is not one of this stream: it was created anew, or another is configured. */
export class StreamPositionUnknown extends Error {
  override readonly name = 'StreamPositionUnknown'
}

const millisPerHour = 3_600_000
/** A connection that has died without a word is given up. Subscriptions tell something every few seconds. */
const answerMillis = 10_000
const silentSubscriptionMillis = 35_000

export type Retrying = (failure: {
  readonly streamName: string
  readonly attempt: number
  readonly error: unknown
}) => void

/** Sequence numbers as keys: of one length, so that text order is number order. */
export const paddedSequence = (sequenceNumber: string): string => sequenceNumber.padStart(56, '0')
const unpaddedSequence = (sequenceNumber: string): string => sequenceNumber.replace(/^0+(?=\d)/, '')

/**
 * What tells a stream from another of its name, made after it: its sequence numbers mean nothing there. A stream with
 * several shards is refused by name.
 */
export const lineageOf = async (streamName: string): Promise<string> => {
  const { ShardId, SequenceNumberRange } = await singleShard(streamName)
  return `${ShardId}@${SequenceNumberRange?.StartingSequenceNumber}`
}

/** The id of the stream's only shard; a stream with several, be they closed already, is refused by name. */
export const onlyShard = async (streamName: string): Promise<string> => (await singleShard(streamName)).ShardId

const singleShard = async (streamName: string): Promise<Shard & { readonly ShardId: string }> => {
  const { Shards = [], NextToken } = await kinesis().send(new ListShardsCommand({ StreamName: streamName }))
  const [shard, ...others] = Shards
  if (shard?.ShardId === undefined) throw new StreamNotSingle(streamName, 'has no shard')
  if (others.length > 0 || NextToken !== undefined)
    throw new StreamNotSingle(streamName, `has ${NextToken === undefined ? Shards.length : 'very many'} shards`)
  return { ...shard, ShardId: shard.ShardId }
}

/** How long the stream keeps a record. */
export const retentionMillisOf = async (streamName: string): Promise<number> => {
  const { StreamDescriptionSummary } = await kinesis().send(
    new DescribeStreamSummaryCommand({ StreamName: streamName }),
  )
  if (StreamDescriptionSummary?.RetentionPeriodHours === undefined)
    throw new Error(`the stream ${streamName} does not tell how long it keeps its records`)
  return StreamDescriptionSummary.RetentionPeriodHours * millisPerHour
}

interface PollingOptions {
  readonly streamName: string
  /** AWS allows five GetRecords a second a shard, over all who poll it. */
  readonly intervalMillis: number
  /** At most in one batch; Kinesis' own bound is 10,000. */
  readonly limit?: number
  readonly onRetry?: Retrying
}

export const pollingReader = ({ streamName, intervalMillis, limit, onRetry }: PollingOptions): StreamReader => ({
  async *read(start, signal) {
    const shardId = await onlyShard(streamName)
    let position = start
    let iterator: string | undefined
    let attempt = 0
    while (!signal.aborted) {
      const askedMillis = performance.now()
      try {
        iterator ??= await shardIterator(streamName, shardId, position, signal)
        const answer = await kinesis().send(
          new GetRecordsCommand({ ShardIterator: iterator, ...(limit === undefined ? {} : { Limit: limit }) }),
          { abortSignal: AbortSignal.any([signal, AbortSignal.timeout(answerMillis)]) },
        )
        attempt = 0
        const records = (answer.Records ?? []).map(recordOf)
        const last = records.at(-1)
        if (last !== undefined) position = { after: last.sequenceNumber }
        yield { records, millisBehindLatest: answer.MillisBehindLatest ?? 0 }
        iterator = answer.NextShardIterator
        if (iterator === undefined) throw new StreamNotSingle(streamName, 'has been resharded')
      } catch (error) {
        if (signal.aborted) return
        // Five minutes without a call, or a clock moved forward: the position is the truth, not the iterator.
        const hasExpired = error instanceof ExpiredIteratorException
        if (hasExpired) iterator = undefined
        else {
          refuseLasting(error)
          attempt++
          onRetry?.({ streamName, attempt, error })
          await pause(backoffMillis(attempt, intervalMillis), signal)
        }
      }
      await pause(intervalMillis - (performance.now() - askedMillis), signal)
    }
  },
})

interface FanOutOptions {
  readonly streamName: string
  readonly consumerArn: string
  readonly onRetry?: Retrying
  /** AWS allows a consumer one subscription call a second; shorter in tests only. */
  readonly resubscribeMillis?: number
}

export const fanOutReader = (options: FanOutOptions): StreamReader => ({
  async *read(start, signal) {
    const { streamName, consumerArn, onRetry, resubscribeMillis = 1_000 } = options
    const shardId = await onlyShard(streamName)
    let position = start
    let lastSequence = ''
    let attempt = 0
    while (!signal.aborted) {
      const askedMillis = performance.now()
      try {
        for await (const event of subscription(consumerArn, shardId, position, signal)) {
          attempt = 0
          // Subscriptions may overlap; what was delivered is not delivered again.
          const records = (event.Records ?? [])
            .map(recordOf)
            .filter(({ sequenceNumber }) => paddedSequence(sequenceNumber) > lastSequence)
          const last = records.at(-1)
          if (last !== undefined) lastSequence = paddedSequence(last.sequenceNumber)
          // A continuation before the first record would lose the promise that `at` makes.
          const continuation = event.ContinuationSequenceNumber
          if (continuation !== undefined && (lastSequence !== '' || 'from' in start)) position = { after: continuation }
          yield { records, millisBehindLatest: event.MillisBehindLatest ?? 0 }
          if ((event.ChildShards ?? []).length > 0) throw new StreamNotSingle(streamName, 'has been resharded')
        }
      } catch (error) {
        if (signal.aborted) return
        refuseLasting(error)
        attempt++
        onRetry?.({ streamName, attempt, error })
        await pause(backoffMillis(attempt, resubscribeMillis), signal)
      }
      // Subscriptions end by themselves every five minutes.
      await pause(resubscribeMillis - (performance.now() - askedMillis), signal)
    }
  },
})

async function* subscription(ConsumerARN: string, ShardId: string, position: StreamPosition, signal: AbortSignal) {
  const { type, sequenceNumber } = startingPosition(position)
  // Cutting the connection is what ends a subscription, however its reader ends.
  const cut = new AbortController()
  const cutOrAborted = AbortSignal.any([signal, cut.signal])
  try {
    const { EventStream } = await kinesis().send(
      new SubscribeToShardCommand({
        ConsumerARN,
        ShardId,
        StartingPosition: { Type: type, ...(sequenceNumber === undefined ? {} : { SequenceNumber: sequenceNumber }) },
      }),
      { abortSignal: cutOrAborted },
    )
    if (EventStream === undefined) throw new Error('SubscribeToShard answered without events')
    for await (const event of untilAborted(EventStream, signal)) {
      if (event.SubscribeToShardEvent === undefined) throw failureOf(event)
      yield event.SubscribeToShardEvent
    }
  } finally {
    cut.abort()
  }
}

const failureOf = (event: SubscribeToShardEventStream): Error =>
  Object.values(event).find(value => value instanceof Error) ??
  new Error(`the subscription told something unknown: ${Object.keys(event).join(', ')}`)

/** A subscription may stay silent for seconds: the end must not wait for its next event. */
async function* untilAborted<Item>(items: AsyncIterable<Item>, signal: AbortSignal): AsyncIterable<Item> {
  const iterator = items[Symbol.asyncIterator]()
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>()
  const abort = () => resolve(undefined)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    for (;;) {
      const next = iterator.next()
      const tooLong = new AbortController()
      const silent = pause(silentSubscriptionMillis, tooLong.signal).then(() => 'silent' as const)
      const result = await Promise.race([next, silent, aborted])
      tooLong.abort()
      if (result === undefined || result === 'silent') {
        // The connection is cut: what it then says is of no interest any more.
        next.catch(() => undefined)
        if (result === undefined) return
        throw new Error(`the subscription has been silent for ${silentSubscriptionMillis} ms`)
      }
      if (result.done === true) return
      yield result.value
    }
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

const shardIterator = async (
  streamName: string,
  shardId: string,
  position: StreamPosition,
  signal: AbortSignal,
): Promise<string> => {
  const { type, sequenceNumber } = startingPosition(position)
  const { ShardIterator } = await kinesis().send(
    new GetShardIteratorCommand({
      StreamName: streamName,
      ShardId: shardId,
      ShardIteratorType: type,
      ...(sequenceNumber === undefined ? {} : { StartingSequenceNumber: sequenceNumber }),
    }),
    { abortSignal: AbortSignal.any([signal, AbortSignal.timeout(answerMillis)]) },
  )
  if (ShardIterator === undefined) throw new Error(`GetShardIterator answered without an iterator for ${streamName}`)
  return ShardIterator
}

const startingPosition = (position: StreamPosition): { type: ShardIteratorType; sequenceNumber?: string } => {
  if ('from' in position) return { type: position.from }
  if ('at' in position) return { type: 'AT_SEQUENCE_NUMBER', sequenceNumber: unpaddedSequence(position.at) }
  return { type: 'AFTER_SEQUENCE_NUMBER', sequenceNumber: unpaddedSequence(position.after) }
}

const recordOf = (record: KinesisRecord): StreamRecord => {
  const { SequenceNumber, ApproximateArrivalTimestamp, Data } = record
  if (SequenceNumber === undefined || ApproximateArrivalTimestamp === undefined || Data === undefined)
    throw new Error(`Kinesis gave a record without sequence number, arrival time or data: ${SequenceNumber}`)
  return { sequenceNumber: SequenceNumber, arrivalMillis: ApproximateArrivalTimestamp.getTime(), data: Data }
}

/** What no further attempt heals is thrown on; the rest (throttling, a lost connection, a fault of AWS) is tried again. */
const refuseLasting = (error: unknown): void => {
  if (error instanceof KinesisServiceException && error.name === 'InvalidArgumentException')
    throw new StreamPositionUnknown(`the stream does not know the position to read from: ${error.message}`, {
      cause: error,
    })
  if (error instanceof StreamNotSingle || isLastingFailure(error)) throw error
}

const lastingFailures = [
  'ResourceNotFoundException',
  'AccessDeniedException',
  'InvalidArgumentException',
  'ValidationException',
]
export const isLastingFailure = (error: unknown): boolean =>
  error instanceof KinesisServiceException && lastingFailures.includes(error.name)

const longestBackoffMillis = 5_000
export const backoffMillis = (attempt: number, firstMillis: number): number =>
  Math.min(longestBackoffMillis, Math.max(50, firstMillis) * 2 ** Math.min(10, attempt - 1))

/** Real time; ends at once when the signal is given. */
export const pause = (millis: number, signal?: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (millis <= 0 || signal?.aborted === true) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, millis)
    signal?.addEventListener('abort', end)
  })
