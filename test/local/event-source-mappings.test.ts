import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { KinesisClient, PutRecordsCommand, SplitShardCommand } from '@aws-sdk/client-kinesis'
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Invocation } from '#local/component.ts'
import { createTables } from '#local/dynamodb.ts'
import { startEventSourceMappings } from '#local/event-source-mappings.ts'
import { createStreams } from '#local/kinesis.ts'
import { askForStore } from '#test/support/services/ask.ts'
import {
  arnOf,
  credentials,
  eventually,
  failed,
  region,
  resourceOf,
  succeeded,
  type TestSurroundings,
  testSurroundings,
} from './surroundings.ts'

const environment: Record<string, string> = {}
beforeAll(async () => {
  const [kinesis, dynamodb] = await Promise.all([askForStore('kinesis'), askForStore('dynamodb')])
  environment['AWS_ENDPOINT_URL_KINESIS'] = kinesis
  environment['AWS_ENDPOINT_URL_DYNAMODB'] = dynamodb
})

const stops: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

interface Delivered {
  readonly eventID: string
  readonly eventName: string
  readonly eventSourceARN: string
  readonly awsRegion: string
  readonly kinesis: { data: string; sequenceNumber: string; partitionKey: string; approximateArrivalTimestamp: number }
  readonly dynamodb: Record<string, unknown>
}
type Handler = (records: readonly Delivered[], texts: readonly string[]) => Invocation | Promise<Invocation>

let streams = 0
async function newStream() {
  const name = `stream-${++streams}`
  const endpoint = String(environment['AWS_ENDPOINT_URL_KINESIS'])
  const arn = arnOf('kinesis', `stream/${name}`)
  await createStreams(endpoint, region, [resourceOf('AWS::Kinesis::Stream', name, arn, { Name: name, ShardCount: 1 })])
  const client = new KinesisClient({ endpoint, region, credentials, requestHandler: new NodeHttpHandler() })
  stops.push(async () => client.destroy())
  const put = async (texts: readonly string[], PartitionKey = 'k') => {
    const Records = texts.map(text => ({ Data: Buffer.from(text), PartitionKey }))
    await client.send(new PutRecordsCommand({ StreamName: name, Records }))
  }
  return { name, arn, put, client }
}

function mapping(EventSourceArn: string, properties: Record<string, unknown> = {}, id = 'Project') {
  return resourceOf('AWS::Lambda::EventSourceMapping', id, `arn:${id}`, {
    EventSourceArn,
    FunctionName: arnOf('lambda', `function:${id}`),
    StartingPosition: 'TRIM_HORIZON',
    ...properties,
  })
}

const textOf = ({ kinesis }: Delivered) => Buffer.from(kinesis.data, 'base64').toString()

async function start(s: TestSurroundings, handler: Handler) {
  const batches: string[][] = []
  const calls: { name: string; records: readonly Delivered[] }[] = []
  const failures: { arn: string; body: Record<string, Record<string, unknown>> }[] = []
  const mappings = await startEventSourceMappings(
    s,
    async (arn, event) => {
      const records = (event as { Records: Delivered[] }).Records
      const texts = records.filter(({ kinesis }) => kinesis !== undefined).map(textOf)
      calls.push({ name: arn.split(':').at(-1) ?? '', records })
      batches.push(texts)
      return await handler(records, texts)
    },
    { send: async (arn, body) => void failures.push({ arn, body: JSON.parse(body) }) },
  )
  let stopped = false
  const stop = async () => {
    if (!stopped) await mappings.stop()
    stopped = true
  }
  stops.push(async () => s.remove(), stop)
  return { batches, calls, failures, stop }
}

const reportOf = (records: readonly Delivered[], bad: string): Invocation =>
  succeeded({
    batchItemFailures: records
      .filter(record => textOf(record) === bad)
      .map(({ kinesis }) => ({ itemIdentifier: kinesis.sequenceNumber })),
  })

describe('a Kinesis stream', () => {
  test('is delivered in batches, in order, in the shape that Lambda gives; two mappings each get all', async () => {
    const { arn, put } = await newStream()
    const s = testSurroundings(
      [mapping(arn, { BatchSize: 3 }), mapping(`${arn}/consumer/fast:1`, {}, 'Announce')],
      environment,
    )
    await put(['a', 'b', 'c', 'd'])
    const { calls } = await start(s, () => succeeded())
    const textsOf = (name: string) =>
      calls.filter(call => call.name === name).flatMap(({ records }) => records.map(textOf))
    await eventually(() => textsOf('Project').length === 4 && textsOf('Announce').length === 4)
    const before = performance.now()
    await put(['e'], 'other')
    await eventually(() => textsOf('Project').length === 5 && textsOf('Announce').length === 5)
    expect(performance.now() - before).toBeLessThan(500)
    expect(textsOf('Project')).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(Math.max(...calls.filter(({ name }) => name === 'Project').map(({ records }) => records.length))).toBe(3)
    const last = calls
      .filter(({ name }) => name === 'Project')
      .at(-1)
      ?.records.at(-1)
    expect(last).toMatchObject({
      eventID: `shardId-000000000000:${last?.kinesis.sequenceNumber}`,
      eventName: 'aws:kinesis:record',
      eventSource: 'aws:kinesis',
      eventSourceARN: arn,
      awsRegion: region,
      kinesis: { data: Buffer.from('e').toString('base64'), partitionKey: 'other', kinesisSchemaVersion: '1.0' },
    })
    expect(Math.abs(Number(last?.kinesis.approximateArrivalTimestamp) * 1000 - Date.now())).toBeLessThan(5_000)
  })

  test('is retried from the lowest failed record that the function reports', async () => {
    const { arn, put } = await newStream()
    const s = testSurroundings([mapping(arn, { FunctionResponseTypes: ['ReportBatchItemFailures'] })], environment)
    await put(['a', 'b', 'c'])
    let attempts = 0
    const { batches } = await start(s, records => (++attempts < 3 ? reportOf(records, 'b') : succeeded()))
    await eventually(() => batches.length === 3)
    expect(batches).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
      ['b', 'c'],
    ])
  })

  test('is bisected to the bad record, which goes to the failure destination after its retries', async () => {
    const { arn, put } = await newStream()
    const destination = arnOf('sqs', 'failures')
    const properties = {
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 1,
      DestinationConfig: { OnFailure: { Destination: destination } },
    }
    const s = testSurroundings([mapping(arn, properties)], environment)
    await put(['a', 'bad', 'c', 'd'])
    const { batches, failures } = await start(s, (_, texts) => (texts.includes('bad') ? failed('Broken') : succeeded()))
    await eventually(() => batches.at(-1)?.includes('d') === true && failures.length === 1)
    expect(batches.slice(-6)).toEqual([['a', 'bad', 'c', 'd'], ['a', 'bad'], ['a'], ['bad'], ['bad'], ['c', 'd']])
    expect(failures[0]).toMatchObject({
      arn: destination,
      body: {
        requestContext: {
          functionArn: arnOf('lambda', 'function:Project'),
          condition: 'RetryAttemptsExhausted',
          approximateInvokeCount: 2,
        },
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        version: '1.0',
        KinesisBatchInfo: { shardId: 'shardId-000000000000', batchSize: 1, streamArn: arn },
      },
    })
    const info = failures[0]?.body['KinesisBatchInfo']
    expect(info?.['startSequenceNumber']).toBe(info?.['endSequenceNumber'])
    expect(s.complaints.join()).toMatch(/Broken.*1 records discarded/)
  })

  test('records past their age are discarded; a clock that is moved ages none', async () => {
    const { arn, put } = await newStream()
    const s = testSurroundings(
      [
        mapping(arn, {
          // AWS has a minute at least.
          MaximumRecordAgeInSeconds: 2,
          DestinationConfig: { OnFailure: { Destination: arnOf('sqs', 'failures') } },
        }),
      ],
      environment,
    )
    await put(['old'])
    const { batches, failures } = await start(s, () => {
      s.clock.forward(61_000)
      return failed('Slow')
    })
    await eventually(() => failures.length > 0)
    expect(failures[0]?.body['requestContext']).toMatchObject({ condition: 'RecordAgeExceeded' })
    expect(batches.flat().length).toBeGreaterThan(1)
  })

  test('a restart goes on after the last completed batch', async () => {
    const { arn, put } = await newStream()
    const first = testSurroundings([mapping(arn)], environment)
    await put(['a', 'b'])
    const before = await start(first, () => succeeded())
    await eventually(() => before.batches.flat().length === 2)
    await before.stop()
    await put(['c'])
    const after = await start(first.again(), () => succeeded())
    await eventually(() => after.batches.length > 0)
    expect(after.batches).toEqual([['c']])
  })

  test('LATEST begins with what is put after the start; filters pass over the rest', async () => {
    const { arn, put } = await newStream()
    const FilterCriteria = { Filters: [{ Pattern: '{"data":{"size":[{"numeric":[">",1]}]},"partitionKey":["k"]}' }] }
    const s = testSurroundings([mapping(arn, { StartingPosition: 'LATEST', FilterCriteria })], environment)
    await put(['{"size":8}'])
    const { batches } = await start(s, () => succeeded())
    await put(['{"size":1}', 'no json', '{"size":2}'])
    await put(['{"size":9}'], 'other')
    await put(['{"size":3}'])
    await eventually(() => batches.flat().length === 2)
    expect(batches.flat()).toEqual(['{"size":2}', '{"size":3}'])
  })

  test('a batching window gathers', async () => {
    const { arn, put } = await newStream()
    const s = testSurroundings([mapping(arn, { MaximumBatchingWindowInSeconds: 1, BatchSize: 4 })], environment)
    const { batches } = await start(s, () => succeeded())
    await put(['a'])
    await new Promise(resolve => setTimeout(resolve, 200))
    await put(['b', 'c', 'd'])
    await eventually(() => batches.length > 0)
    expect(batches.flat().length).toBeGreaterThan(1)
  })

  test('children of a split shard follow their parent', async () => {
    const { name, arn, put, client } = await newStream()
    const s = testSurroundings([mapping(arn)], environment)
    await put(['a'])
    const { batches } = await start(s, () => succeeded())
    const NewStartingHashKey = (2n ** 127n).toString()
    await client.send(
      new SplitShardCommand({ StreamName: name, ShardToSplit: 'shardId-000000000000', NewStartingHashKey }),
    )
    await eventually(async () => {
      await put(['b'])
      return batches.flat().filter(text => text === 'b').length > 2
    })
    for (let key = 0; key < 8; key += 1) await put(['c'], `key-${key}`)
    await eventually(() => batches.flat().filter(text => text === 'c').length === 8)
    expect(s.complaints).toEqual([])
  })
})

test('a table stream is delivered with its images, and its failures in its own format', async () => {
  const endpoint = String(environment['AWS_ENDPOINT_URL_DYNAMODB'])
  const table = resourceOf('AWS::DynamoDB::Table', 'Positions', arnOf('dynamodb', 'table/positions'), {
    AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
    StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
  })
  await createTables(endpoint, region, [table])
  const client = new DynamoDBClient({ endpoint, region, credentials })
  stops.push(async () => client.destroy())
  const put = (id: string, size: number) =>
    client.send(new PutItemCommand({ TableName: 'positions', Item: { id: { S: id }, size: { N: String(size) } } }))
  const EventSourceArn = `${table.arn}/stream/latest`
  const properties = {
    StartingPosition: 'LATEST',
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnFailure: { Destination: arnOf('sqs', 'failures') } },
  }
  const s = testSurroundings([mapping(EventSourceArn, properties)], environment)
  await put('before', 1)
  const { calls, failures } = await start(s, () => (calls.length === 2 ? failed('Broken') : succeeded()))
  await put('a', 1)
  await eventually(() => calls.length === 1)
  await put('a', 2)
  await eventually(() => failures.length === 1)
  await put('b', 3)
  await eventually(() => calls.length === 3)
  const records = calls.flatMap(call => call.records)
  expect(records[0]).toMatchObject({
    eventName: 'INSERT',
    eventSource: 'aws:dynamodb',
    eventVersion: '1.1',
    eventSourceARN: EventSourceArn,
    awsRegion: region,
    dynamodb: {
      Keys: { id: { S: 'a' } },
      NewImage: { id: { S: 'a' }, size: { N: '1' } },
      StreamViewType: 'NEW_AND_OLD_IMAGES',
    },
  })
  expect(records[1]).toMatchObject({
    eventName: 'MODIFY',
    dynamodb: { OldImage: { id: { S: 'a' }, size: { N: '1' } } },
  })
  expect(records[2]?.dynamodb['Keys']).toEqual({ id: { S: 'b' } })
  expect(Math.abs(Number(records[0]?.dynamodb['ApproximateCreationDateTime']) * 1000 - Date.now())).toBeLessThan(5_000)
  expect(failures[0]?.body['DDBStreamBatchInfo']).toMatchObject({ batchSize: 1, streamArn: EventSourceArn })
})

test.each([
  ['arn:aws:sns:eu-central-1:1:topic', {}],
  ['TumblingWindowInSeconds', { TumblingWindowInSeconds: 5 }],
  ['ParallelizationFactor', { ParallelizationFactor: 2 }],
])('a start is refused by name: %s', async (name, properties) => {
  const s = testSurroundings(
    [mapping(name.startsWith('arn:') ? name : arnOf('kinesis', 'stream/x'), properties)],
    environment,
  )
  stops.push(async () => s.remove())
  await expect(startEventSourceMappings(s, async () => succeeded(), { send: async () => undefined })).rejects.toThrow(
    name,
  )
})
