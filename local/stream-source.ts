import * as z from 'zod'
import type { Surroundings } from './component.ts'

/** A stream as event source mappings see it, whichever service keeps it. */
export interface StreamSource {
  readonly kind: 'kinesis' | 'dynamodb'
  /** A stamp may lie this much before the instant of writing. */
  readonly stampGranularityMillis: number
  /** How often an idle shard is looked at. */
  readonly idlePollMillis: number
  shards(): Promise<Shard[]>
  iterator(shardId: string, start: ReadStart): Promise<string>
  /** Without `next`, the shard has ended. */
  read(iterator: string, shardId: string): Promise<{ records: StreamRecord[]; next: string | undefined }>
  /** The record as filter criteria see it. */
  filterable(record: StreamRecord): unknown
}

export interface Shard {
  readonly id: string
  readonly parentId: string | undefined
  readonly ended: boolean
}

export type ReadStart = 'TRIM_HORIZON' | 'LATEST' | { readonly after: string }

export interface StreamRecord {
  readonly sequence: string
  readonly arrivalMillis: number
  /** Roughly what it adds to the function's payload. */
  readonly bytes: number
  /** As Lambda hands it over, but for the ARN of the event source. */
  readonly event: Readonly<Record<string, unknown>>
}

/** Sequence numbers are decimals of up to 56 digits. */
export function isAfter(sequence: string, other: string): boolean {
  return sequence.length === other.length ? sequence > other : sequence.length > other.length
}

export class StreamError extends Error {
  constructor(code: string, message: string) {
    super(message)
    this.name = code
  }
}

const kinesisFields = z.looseObject({ data: z.string() })
const longestPage = 1_000
const minuteMillis = 60_000

/** AWS's JSON protocol by fetch: a reader polls often, and signing each request costs more than all the rest. */
function caller(s: Surroundings, service: 'KINESIS' | 'DYNAMODB', targetPrefix: string, signal: AbortSignal) {
  const variable = `AWS_ENDPOINT_URL_${service}`
  const endpoint = s.awsEnvironment[variable]
  if (endpoint === undefined) throw new Error(`${variable} is missing: event sources cannot be read`)
  const key = s.awsEnvironment['AWS_ACCESS_KEY_ID'] ?? 'local'
  const scope = `${key}/20000101/${s.region}/${service.toLowerCase()}/aws4_request`
  const headers = {
    'content-type': service === 'KINESIS' ? 'application/x-amz-json-1.1' : 'application/x-amz-json-1.0',
    'x-amz-date': '20000101T000000Z',
    authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=unsigned`,
  }
  return async <Answer>(action: string, input: unknown): Promise<Answer> => {
    const response = await fetch(endpoint, {
      method: 'POST',
      headers: { ...headers, 'x-amz-target': `${targetPrefix}.${action}` },
      body: JSON.stringify(input),
      signal,
    })
    if (response.ok) return (await response.json()) as Answer
    const text = await response.text()
    const code = /"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"/.exec(text)?.[1] ?? `Http${response.status}`
    throw new StreamError(code, `${action}: ${text}`)
  }
}

interface RawShard {
  readonly ShardId: string
  readonly ParentShardId?: string
  readonly SequenceNumberRange: { readonly EndingSequenceNumber?: string }
}

function toShard(raw: RawShard): Shard {
  const ended = raw.SequenceNumberRange.EndingSequenceNumber !== undefined
  return { id: raw.ShardId, parentId: raw.ParentShardId, ended }
}

function iteratorInput(shardId: string, start: ReadStart, sequenceField: string) {
  return typeof start === 'string'
    ? { ShardId: shardId, ShardIteratorType: start }
    : { ShardId: shardId, ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', [sequenceField]: start.after }
}

export function kinesisSource(s: Surroundings, streamName: string, signal: AbortSignal): StreamSource {
  const call = caller(s, 'KINESIS', 'Kinesis_20131202', signal)
  interface Raw {
    readonly Data: string
    readonly PartitionKey: string
    readonly SequenceNumber: string
    readonly ApproximateArrivalTimestamp: number
  }
  return {
    kind: 'kinesis',
    stampGranularityMillis: 0,
    idlePollMillis: 100,
    filterable: ({ event }) => {
      const { data, ...rest } = kinesisFields.parse(event['kinesis'])
      const text = Buffer.from(data, 'base64').toString('utf8')
      try {
        return { ...rest, data: JSON.parse(text) }
      } catch {
        return { ...rest, data: text } // plain text is legitimate data
      }
    },
    async shards() {
      const { Shards } = await call<{ Shards: RawShard[] }>('ListShards', { StreamName: streamName })
      return Shards.map(toShard)
    },
    async iterator(shardId, start) {
      const input = { StreamName: streamName, ...iteratorInput(shardId, start, 'StartingSequenceNumber') }
      return (await call<{ ShardIterator: string }>('GetShardIterator', input)).ShardIterator
    },
    async read(iterator, shardId) {
      const page = await call<{ Records: Raw[]; NextShardIterator?: string | null }>('GetRecords', {
        ShardIterator: iterator,
        Limit: longestPage,
      })
      const records = page.Records.map(raw => ({
        sequence: raw.SequenceNumber,
        arrivalMillis: Math.round(raw.ApproximateArrivalTimestamp * 1000),
        bytes: raw.Data.length + 500,
        event: {
          kinesis: {
            kinesisSchemaVersion: '1.0',
            partitionKey: raw.PartitionKey,
            sequenceNumber: raw.SequenceNumber,
            data: raw.Data,
            approximateArrivalTimestamp: raw.ApproximateArrivalTimestamp,
          },
          eventSource: 'aws:kinesis',
          eventVersion: '1.0',
          eventID: `${shardId}:${raw.SequenceNumber}`,
          eventName: 'aws:kinesis:record',
          invokeIdentityArn: `arn:aws:iam::${s.account}:role/local`,
          awsRegion: s.region,
        },
      }))
      // An empty page's next iterator is not taken: kinesalite lets it start at the present instant, and a record that
      // was stamped before it but stored after it would be passed over.
      const ended = page.NextShardIterator === undefined || page.NextShardIterator === null
      return { records, next: ended ? undefined : records.length === 0 ? iterator : String(page.NextShardIterator) }
    },
  }
}

export async function dynamodbSource(s: Surroundings, tableName: string, signal: AbortSignal): Promise<StreamSource> {
  const call = caller(s, 'DYNAMODB', 'DynamoDBStreams_20120810', signal)
  const listed = await call<{ Streams: { StreamArn: string; StreamLabel: string }[] }>('ListStreams', {
    TableName: tableName,
  })
  const latest = listed.Streams.toSorted((a, b) => (a.StreamLabel < b.StreamLabel ? 1 : -1))[0]
  if (latest === undefined) throw new Error(`the table ${tableName} has no stream`)
  const StreamArn = latest.StreamArn
  interface Raw {
    readonly eventID: string
    readonly eventName: string
    readonly dynamodb: Readonly<Record<string, unknown>> & {
      readonly SequenceNumber: string
      readonly ApproximateCreationDateTime: number
    }
    readonly userIdentity?: unknown
  }
  return {
    kind: 'dynamodb',
    stampGranularityMillis: minuteMillis,
    // A read costs DynamoDB Local some 3 ms of processor time, ten times kinesalite's.
    idlePollMillis: 250,
    filterable: ({ event }) => event,
    async shards() {
      const shards: Shard[] = []
      let after: string | undefined
      do {
        const page: { StreamDescription: { Shards: RawShard[]; LastEvaluatedShardId?: string } } = await call(
          'DescribeStream',
          { StreamArn, ...(after === undefined ? {} : { ExclusiveStartShardId: after }) },
        )
        shards.push(...page.StreamDescription.Shards.map(toShard))
        after = page.StreamDescription.LastEvaluatedShardId
      } while (after !== undefined)
      return shards
    },
    async iterator(shardId, start) {
      const input = { StreamArn, ...iteratorInput(shardId, start, 'SequenceNumber') }
      return (await call<{ ShardIterator: string }>('GetShardIterator', input)).ShardIterator
    },
    async read(iterator) {
      const page = await call<{ Records: Raw[]; NextShardIterator?: string | null }>('GetRecords', {
        ShardIterator: iterator,
        Limit: longestPage,
      })
      // DynamoDB Local cuts its stamps to the minute and knows nothing of a moved clock.
      const offsetMillis = new Float64Array(s.clock.offset)[0] ?? 0
      const records = page.Records.map(raw => {
        const latestMillis = raw.dynamodb.ApproximateCreationDateTime * 1000 + minuteMillis - 1 + offsetMillis
        const createdSeconds = Math.floor(Math.min(s.clock.now(), latestMillis) / 1000)
        const event = {
          eventID: raw.eventID,
          eventName: raw.eventName,
          eventVersion: '1.1',
          eventSource: 'aws:dynamodb',
          awsRegion: s.region,
          dynamodb: { ...raw.dynamodb, ApproximateCreationDateTime: createdSeconds },
          ...(raw.userIdentity === undefined ? {} : { userIdentity: raw.userIdentity }),
        }
        const bytes = JSON.stringify(event).length + 100
        return { sequence: raw.dynamodb.SequenceNumber, arrivalMillis: createdSeconds * 1000, bytes, event }
      })
      return { records, next: page.NextShardIterator ?? undefined }
    },
  }
}
