import { unmarshallDynamoDB } from '@aws-lambda-powertools/commons/utils/unmarshallDynamoDB'
import { Logger } from '@aws-lambda-powertools/logger'
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware'
import middy from '@middy/core'
import type {
  DynamoDBBatchResponse,
  DynamoDBRecord,
  DynamoDBStreamEvent,
  AttributeValue as ImageValue,
  KinesisStreamBatchResponse,
  KinesisStreamEvent,
  Context as LambdaContext,
} from 'aws-lambda'
import type { Item } from '#adapters/items.ts'

/** Of the stream shell and all that runs in it: what is logged or counted belongs to the same batch. */
export const logger = new Logger()
export const metrics = new Metrics({
  defaultDimensions: { function: process.env['AWS_LAMBDA_FUNCTION_NAME'] ?? 'none' },
})

/** Ends a batch at a record: it and all after it are delivered again, what lies before it is done. */
export class RecordFailure extends Error {
  override readonly name = 'RecordFailure'
  readonly sequenceNumber: string

  constructor(sequenceNumber: string, cause: unknown) {
    super(`record ${sequenceNumber} could not be processed`, { cause })
    this.sequenceNumber = sequenceNumber
  }
}

export interface StreamedRecord {
  readonly sequenceNumber: string
  readonly data: Uint8Array
}

/** A change of an item, as the table's stream tells it. */
export interface ItemChange {
  readonly sequenceNumber: string
  /** Undefined where the item was removed. */
  readonly now: Item | undefined
  /** Undefined where the item is new. */
  readonly before: Item | undefined
}

type StreamHandler<Event, Response> = (event: Event, context: LambdaContext) => Promise<Response>

/** The Lambda handler of a function that reads a Kinesis stream. A throw that names no record fails the first one. */
export const serveStream = (
  process: (records: readonly StreamedRecord[]) => Promise<void>,
): StreamHandler<KinesisStreamEvent, KinesisStreamBatchResponse> =>
  observed(async event =>
    processed(
      event.Records.map(({ kinesis }) => ({
        sequenceNumber: kinesis.sequenceNumber,
        data: Buffer.from(kinesis.data, 'base64'),
      })),
      process,
    ),
  )

/** The Lambda handler of a function that reads a table's own stream. A throw that names no record fails the first one. */
export const serveTableStream = (
  process: (changes: readonly ItemChange[]) => Promise<void>,
): StreamHandler<DynamoDBStreamEvent, DynamoDBBatchResponse> =>
  observed(async event => processed(event.Records.map(changeOf), process))

const observed = <Event, Response>(handle: (event: Event) => Promise<Response>): StreamHandler<Event, Response> =>
  middy<Event, Response>()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(logMetrics(metrics))
    .handler(handle)

const processed = async <Each extends { readonly sequenceNumber: string }>(
  records: readonly Each[],
  process: (records: readonly Each[]) => Promise<void>,
): Promise<{ batchItemFailures: { itemIdentifier: string }[] }> => {
  const [first] = records
  metrics.addMetric('Records', MetricUnit.Count, records.length)
  if (first === undefined) return { batchItemFailures: [] }
  try {
    await process(records)
    return { batchItemFailures: [] }
  } catch (error) {
    const sequenceNumber = error instanceof RecordFailure ? error.sequenceNumber : first.sequenceNumber
    logger.error('batch failed', { error: failureOf(error), sequence_number: sequenceNumber, records: records.length })
    metrics.addMetric('BatchFailures', MetricUnit.Count, 1)
    return { batchItemFailures: [{ itemIdentifier: sequenceNumber }] }
  }
}

const failureOf = (error: unknown): Error =>
  error instanceof Error ? error : new Error('something that is no error was thrown', { cause: error })

const changeOf = ({ dynamodb }: DynamoDBRecord): ItemChange => {
  if (dynamodb?.SequenceNumber === undefined) throw new Error('a record of a table stream has no sequence number')
  return {
    sequenceNumber: dynamodb.SequenceNumber,
    now: imageOf(dynamodb.NewImage),
    before: imageOf(dynamodb.OldImage),
  }
}

const imageOf = (image: Readonly<Record<string, ImageValue>> | undefined): Item | undefined => {
  if (image === undefined) return undefined
  const item = unmarshallDynamoDB(image as Parameters<typeof unmarshallDynamoDB>[0])
  if (!isItem(item)) throw new Error('an image of a table stream is no item')
  return item
}

const isItem = (value: unknown): value is Item => typeof value === 'object' && value !== null
