import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import type { Surroundings } from './component.ts'

/** A stream as event source mappings see it, whichever service keeps it. */
export interface StreamSource {
  readonly kind: 'kinesis' | 'dynamodb'
  /** A stamp may lie this much before the instant of writing. */
  readonly stampGranularityMillis: number
  /** How often an idle shard is looked at. */
  readonly idlePollMillis: number
  shards(): Promise<readonly Shard[]>
  iterator(shardId: string, start: ReadStart): Promise<string>
  /** Without `next`, the shard has ended. */
  read(iterator: string, shardId: string): Promise<{ records: readonly StreamRecord[]; next: string | undefined }>
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

interface Service<Raw> {
  readonly name: 'KINESIS' | 'DYNAMODB'
  readonly target: string
  readonly sequenceField: string
  toRecord(raw: Raw, shardId: string): StreamRecord
}

const longestPage = 1_000
const minuteMillis = 60_000
const shardList = z.object({
  Shards: z.array(
    z.object({
      ShardId: z.string(),
      ParentShardId: z.string().nullish(),
      SequenceNumberRange: z.object({ EndingSequenceNumber: z.string().nullish() }),
    }),
  ),
  // A second page of shards is beyond a local run.
  NextToken: z.null().optional(),
  LastEvaluatedShardId: z.null().optional(),
})

const agent = new Agent({ keepAlive: true })

/** AWS's JSON protocol by hand: a reader polls often; this costs 0.2 ms of processor time, by fetch or SDK up to 1 ms. */
function caller(s: Surroundings, { name, target }: Pick<Service<never>, 'name' | 'target'>) {
  const variable = `AWS_ENDPOINT_URL_${name}`
  const endpoint = s.awsEnvironment[variable]
  if (endpoint === undefined) throw new Error(`${variable} is missing: event sources cannot be read`)
  const scope = `${s.awsEnvironment['AWS_ACCESS_KEY_ID'] ?? 'local'}/20000101/${s.region}/${name}/aws4_request`
  const headers = {
    'content-type': name === 'KINESIS' ? 'application/x-amz-json-1.1' : 'application/x-amz-json-1.0',
    'x-amz-date': '20000101T000000Z',
    authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=unsigned`,
  }
  return async <Answer>(action: string, input: unknown): Promise<Answer> => {
    const options = { method: 'POST', headers: { ...headers, 'x-amz-target': `${target}.${action}` }, agent }
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      request(endpoint, options, resolve).on('error', reject).end(JSON.stringify(input))
    })
    const body = await text(response)
    if (response.statusCode === 200) return JSON.parse(body)
    const code = /"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"/.exec(body)?.[1] ?? `Http${response.statusCode}`
    throw new StreamError(code, `${action}: ${body}`)
  }
}

export const kinesisCaller = (s: Surroundings) => caller(s, { name: 'KINESIS', target: 'Kinesis_20131202' })

/** What Kinesis and DynamoDB streams have in common; `stream` names the one that is read. */
function reading<Raw>(call: ReturnType<typeof caller>, stream: object, service: Service<Raw>) {
  return {
    async iterator(ShardId: string, start: ReadStart): Promise<string> {
      const position =
        typeof start === 'string'
          ? { ShardIteratorType: start }
          : { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', [service.sequenceField]: start.after }
      const input = { ...stream, ShardId, ...position }
      return (await call<{ ShardIterator: string }>('GetShardIterator', input)).ShardIterator
    },
    async read(ShardIterator: string, shardId: string) {
      type Page = { Records: Raw[]; NextShardIterator?: string | null }
      const page = await call<Page>('GetRecords', { ShardIterator, Limit: longestPage })
      return {
        records: page.Records.map(raw => service.toRecord(raw, shardId)),
        next: page.NextShardIterator ?? undefined,
      }
    },
  }
}

function toShards(answer: unknown): readonly Shard[] {
  return shardList.parse(answer).Shards.map(shard => ({
    id: shard.ShardId,
    parentId: shard.ParentShardId ?? undefined,
    ended: typeof shard.SequenceNumberRange.EndingSequenceNumber === 'string',
  }))
}

const kinesisFields = z.looseObject({ data: z.string() })

export function kinesisSource(s: Surroundings, StreamName: string): StreamSource {
  interface Raw {
    readonly Data: string
    readonly PartitionKey: string
    readonly SequenceNumber: string
    readonly ApproximateArrivalTimestamp: number
  }
  const service: Service<Raw> = {
    name: 'KINESIS',
    target: 'Kinesis_20131202',
    sequenceField: 'StartingSequenceNumber',
    toRecord: (raw, shardId) => ({
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
    }),
  }
  const call = caller(s, service)
  const { iterator, read } = reading(call, { StreamName }, service)
  return {
    kind: 'kinesis',
    stampGranularityMillis: 0,
    idlePollMillis: 100,
    iterator,
    async read(from, shardId) {
      const page = await read(from, shardId)
      // An empty page's next iterator is not taken: kinesalite lets it start at the present instant, and a record that
      // was stamped before it but stored after it would be passed over.
      return page.records.length === 0 && page.next !== undefined ? { ...page, next: from } : page
    },
    shards: async () => toShards(await call('ListShards', { StreamName })),
    filterable({ event }) {
      const { data, ...rest } = kinesisFields.parse(event['kinesis'])
      const decoded = Buffer.from(data, 'base64').toString('utf8')
      try {
        return { ...rest, data: JSON.parse(decoded) }
      } catch {
        return { ...rest, data: decoded } // plain text is legitimate data
      }
    },
  }
}

export async function dynamodbSource(s: Surroundings, TableName: string): Promise<StreamSource> {
  interface Raw {
    readonly eventID: string
    readonly eventName: string
    readonly dynamodb: { readonly SequenceNumber: string; readonly ApproximateCreationDateTime: number }
    readonly userIdentity?: unknown
  }
  const service: Service<Raw> = {
    name: 'DYNAMODB',
    target: 'DynamoDBStreams_20120810',
    sequenceField: 'SequenceNumber',
    toRecord(raw) {
      const { SequenceNumber, ApproximateCreationDateTime } = raw.dynamodb
      // DynamoDB Local cuts its stamps to the minute and knows nothing of a moved clock.
      const offsetMillis = new Float64Array(s.clock.offset)[0] ?? 0
      const latestMillis = ApproximateCreationDateTime * 1000 + minuteMillis - 1 + offsetMillis
      const createdSeconds = Math.floor(Math.min(s.clock.now(), latestMillis) / 1000)
      const dynamodb = { ...raw.dynamodb, ApproximateCreationDateTime: createdSeconds }
      const event = { ...raw, eventVersion: '1.1', eventSource: 'aws:dynamodb', awsRegion: s.region, dynamodb }
      const bytes = JSON.stringify(event).length + 100
      return { sequence: SequenceNumber, arrivalMillis: createdSeconds * 1000, bytes, event }
    },
  }
  const call = caller(s, service)
  type Listed = { Streams: { StreamArn: string; StreamLabel: string }[] }
  const { Streams } = await call<Listed>('ListStreams', { TableName })
  const latest = Streams.toSorted((a, b) => (a.StreamLabel < b.StreamLabel ? 1 : -1))[0]
  if (latest === undefined) throw new Error(`the table ${TableName} has no stream`)
  const { StreamArn } = latest
  return {
    kind: 'dynamodb',
    stampGranularityMillis: minuteMillis,
    // A read costs DynamoDB Local some 3 ms of processor time, and there are more tables than lanes.
    idlePollMillis: 250,
    ...reading(call, { StreamArn }, service),
    shards: async () =>
      toShards((await call<{ StreamDescription: unknown }>('DescribeStream', { StreamArn })).StreamDescription),
    filterable: ({ event }) => event,
  }
}
