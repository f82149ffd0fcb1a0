import { PutRecordCommand } from '@aws-sdk/client-kinesis'
import { executionStreamEnvironmentVariable, partitionKey } from '#protocol/streams.ts'
import { kinesis } from '../clients/kinesis.ts'
import { required } from '../environment.ts'
import { pollingReader, type StreamRecord } from './reader.ts'

/** A connection that has died without a word is given up, and the put repeated by whoever needs it. */
const acknowledgeMillis = 5_000

/**
 * Puts one frame of events. Kinesis orders only coarsely by arrival unless it is told which record is to lie before:
 * that is the sequence number that the put before this one has answered.
 */
export const putExecutions = async (
  lane: number,
  frame: Uint8Array,
  afterSequenceNumber?: string,
): Promise<{ sequenceNumber: string }> => {
  const { SequenceNumber } = await kinesis().send(
    new PutRecordCommand({
      StreamName: required(executionStreamEnvironmentVariable(lane)),
      PartitionKey: partitionKey,
      Data: frame,
      ...(afterSequenceNumber === undefined ? {} : { SequenceNumberForOrdering: afterSequenceNumber }),
    }),
    { abortSignal: AbortSignal.timeout(acknowledgeMillis) },
  )
  if (SequenceNumber === undefined)
    throw new Error(`the execution stream of lane ${lane} answered without acknowledging`)
  return { sequenceNumber: SequenceNumber }
}

interface ReadOptions {
  /** Unless given, the beginning of the stream. */
  readonly after?: string
  readonly signal: AbortSignal
  readonly intervalMillis?: number
}

/** Record by record, by polling, until the signal is given. */
export async function* readRecords(streamName: string, options: ReadOptions): AsyncIterable<StreamRecord> {
  const { after, signal, intervalMillis = 200 } = options
  const position = after === undefined ? ({ from: 'TRIM_HORIZON' } as const) : { after }
  for await (const { records } of pollingReader({ streamName, intervalMillis }).read(position, signal)) yield* records
}

/**
 * For a projector that is missing events: the records after the last one that it has applied (from the beginning where
 * there is none), a page at most. caughtUp says that there were none; otherwise ask again, after the last.
 */
export const readExecutionsAfter = async (
  lane: number,
  recordSequence: string | undefined,
): Promise<{ records: readonly StreamRecord[]; caughtUp: boolean }> => {
  const streamName = required(executionStreamEnvironmentVariable(lane))
  const position = recordSequence === undefined ? ({ from: 'TRIM_HORIZON' } as const) : { after: recordSequence }
  const end = new AbortController()
  // A page may be empty though records lie further on.
  for await (const { records, millisBehindLatest } of pollingReader({ streamName, intervalMillis: 200 }).read(
    position,
    end.signal,
  )) {
    if (records.length > 0 || millisBehindLatest === 0) return { records, caughtUp: records.length === 0 }
  }
  throw new Error(`reading ${streamName} ended without an answer`)
}
