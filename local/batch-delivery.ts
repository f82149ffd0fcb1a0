import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import type { Clock, Invoke, Surroundings } from './component.ts'
import { backoffMillis, pause } from './pause.ts'
import type { StreamRecord, StreamSource } from './stream-source.ts'

export interface Mapping {
  readonly id: string
  readonly functionArn: string
  readonly EventSourceArn: string
  readonly FunctionResponseTypes: readonly 'ReportBatchItemFailures'[]
  readonly BisectBatchOnFunctionError: boolean
  readonly MaximumRetryAttempts: number
  readonly MaximumRecordAgeInSeconds: number
  readonly failureDestination: string | undefined
}

/** A mapping on its way through a shard. */
export interface Lane {
  readonly s: Surroundings
  readonly invoke: Invoke
  sendFailure(destinationArn: string, body: string): Promise<void>
  readonly mapping: Mapping
  readonly source: StreamSource
  readonly shardId: string
  readonly signal: AbortSignal
  /** All up to this record is processed or discarded. */
  checkpoint(record: StreamRecord): void
}

type Attempt = { readonly processed: number; readonly failure: 'none' | 'reported' | 'function' | 'not invoked' }

/** Delivers in order until each record is processed or discarded; false when the runtime stops before. */
export async function deliver(lane: Lane, batch: readonly StreamRecord[]): Promise<boolean> {
  const { mapping, s, signal } = lane
  const parts = batch.length === 0 ? [] : [batch]
  let attempts = 0
  let failures = 0
  for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
    const settle = (count: number, records: readonly StreamRecord[]) => {
      const last = records[count - 1]
      if (last !== undefined) lane.checkpoint(last)
      if (count < records.length) parts.unshift(records.slice(count))
      attempts = 0
      failures = 0
    }
    const old = mapping.MaximumRecordAgeInSeconds < 0 ? 0 : tooOld(part, s.clock, mapping)
    if (old > 0) {
      await discard(lane, part.slice(0, old), 'RecordAgeExceeded', attempts, attempts === 0 ? undefined : 'function')
      settle(old, part)
      continue
    }
    const { processed, failure } = await attempt(lane, part, attempts === 0)
    if (failure !== 'not invoked') attempts += 1
    failures += 1
    if (processed > 0) {
      settle(processed, part)
      if (processed === part.length) continue
      failures = 1
    } else if (failure === 'not invoked') {
      parts.unshift(part)
    } else if (mapping.BisectBatchOnFunctionError && part.length > 1) {
      const middle = Math.ceil(part.length / 2)
      parts.unshift(part.slice(0, middle), part.slice(middle))
      attempts = 0
    } else if (mapping.MaximumRetryAttempts >= 0 && attempts > mapping.MaximumRetryAttempts) {
      await discard(lane, part, 'RetryAttemptsExhausted', attempts, failure)
      settle(part.length, part)
      continue
    } else {
      parts.unshift(part)
    }
    await pause(backoffMillis(failures), signal)
    if (signal.aborted) return false
  }
  return true
}

/** A clock that is moved ages nothing that is on its way. */
function tooOld(records: readonly StreamRecord[], clock: Clock, mapping: Mapping): number {
  const mostMillis = mapping.MaximumRecordAgeInSeconds * 1000
  const young = records.findIndex(({ arrivalMillis }) => clock.passedSince(arrivalMillis) <= mostMillis)
  return young === -1 ? records.length : young
}

async function attempt(lane: Lane, batch: readonly StreamRecord[], first: boolean): Promise<Attempt> {
  const { mapping, s } = lane
  const Records = batch.map(({ event }) => ({ ...event, eventSourceARN: mapping.EventSourceArn }))
  try {
    const outcome = await lane.invoke(mapping.functionArn, { Records })
    if (outcome.ok) {
      const processed = processedCount(mapping, batch, outcome.payload)
      return { processed, failure: processed === batch.length ? 'none' : 'reported' }
    }
    if (first) s.complain(`event source mapping ${mapping.id}`, Object.assign(new Error(), told(outcome.error)))
    return { processed: 0, failure: 'function' }
  } catch (error) {
    // Not the function's failure: it counts as no attempt.
    s.complain(`invoking ${mapping.functionArn}`, error)
    return { processed: 0, failure: 'not invoked' }
  }
}

function told(error: { errorType: string; errorMessage: string; trace?: readonly string[] }) {
  const message = `${error.errorType}: ${error.errorMessage}`
  return { message, stack: error.trace?.join('\n') ?? message }
}

const batchResponse = z.object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })).nullish() })

/** How many of the batch's first records the function says it is done with. */
function processedCount(mapping: Mapping, batch: readonly StreamRecord[], payload: unknown): number {
  if (mapping.FunctionResponseTypes.length === 0 || payload === null || payload === undefined) return batch.length
  const response = batchResponse.safeParse(payload)
  if (!response.success) return 0
  const failed = new Set(response.data.batchItemFailures?.map(({ itemIdentifier }) => itemIdentifier))
  // An identifier that is none of the batch's fails the whole batch, as on AWS.
  if ([...failed].some(identifier => !batch.some(({ sequence }) => sequence === identifier))) return 0
  const first = batch.findIndex(({ sequence }) => failed.has(sequence))
  return first === -1 ? batch.length : first
}

async function discard(
  lane: Lane,
  records: readonly StreamRecord[],
  condition: string,
  attempts: number,
  failure: Attempt['failure'] | undefined,
): Promise<void> {
  const { s, mapping, source, shardId } = lane
  s.complain(
    `event source mapping ${mapping.id}`,
    new Error(`${records.length} records discarded after ${attempts} attempts: ${condition}`),
  )
  if (mapping.failureDestination === undefined) return
  const stamp = (record: StreamRecord | undefined) => {
    const iso = new Date(record?.arrivalMillis ?? 0).toISOString()
    return source.kind === 'kinesis' ? iso : iso.replace(/\.\d+Z$/, 'Z')
  }
  const functionError = failure === 'function' ? { functionError: 'Unhandled' } : {}
  const responseContext = { statusCode: 200, executedVersion: '$LATEST', ...functionError }
  const { functionArn } = mapping
  const body = {
    requestContext: { requestId: randomUUID(), functionArn, condition, approximateInvokeCount: attempts },
    ...(failure === undefined ? {} : { responseContext }),
    version: '1.0',
    timestamp: new Date(s.clock.now()).toISOString(),
    [source.kind === 'kinesis' ? 'KinesisBatchInfo' : 'DDBStreamBatchInfo']: {
      shardId,
      startSequenceNumber: records[0]?.sequence,
      endSequenceNumber: records.at(-1)?.sequence,
      approximateArrivalOfFirstRecord: stamp(records[0]),
      approximateArrivalOfLastRecord: stamp(records.at(-1)),
      batchSize: records.length,
      streamArn: mapping.EventSourceArn,
    },
  }
  await lane
    .sendFailure(mapping.failureDestination, JSON.stringify(body))
    .catch(error => s.complain(`failure destination of ${mapping.id}`, error))
}
