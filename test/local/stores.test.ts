import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Readable } from 'node:stream'
import { DescribeTableCommand, DescribeTimeToLiveCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { GetRecordsCommand, GetShardIteratorCommand, KinesisClient, PutRecordCommand } from '@aws-sdk/client-kinesis'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { freePort } from '#local/children.ts'
import { createClock } from '#local/clock.ts'
import type { Component, Resource } from '#local/component.ts'
import { createTables, startDynamoDb } from '#local/dynamodb.ts'
import { createStreams, type KinesisKind, startKinesis } from '#local/kinesis.ts'
import { startS3 } from '#local/s3.ts'

const region = 'eu-central-1'
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
const dataDir = mkdtempSync(join(tmpdir(), 'stores-test-'))
const started: Component[] = []
afterAll(async () => {
  await Promise.all(started.map(component => component.stop()))
  rmSync(dataDir, { recursive: true })
})

function resource(type: string, physicalId: string, properties: Record<string, unknown>): Resource {
  return { stack: 'Data', logicalId: physicalId, type, properties, physicalId, arn: `arn:${physicalId}` }
}

const table = resource('AWS::DynamoDB::GlobalTable', 'orders', {
  AttributeDefinitions: ['account', 'order', 'instrument'].map(AttributeName => ({
    AttributeName,
    AttributeType: 'S',
  })),
  KeySchema: [
    { AttributeName: 'account', KeyType: 'HASH' },
    { AttributeName: 'order', KeyType: 'RANGE' },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'by-instrument',
      KeySchema: [{ AttributeName: 'instrument', KeyType: 'HASH' }],
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['state'] },
      WriteProvisionedThroughputSettings: {},
    },
  ],
  LocalSecondaryIndexes: [
    {
      IndexName: 'by-time',
      KeySchema: [
        { AttributeName: 'account', KeyType: 'HASH' },
        { AttributeName: 'instrument', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'ALL' },
    },
  ],
  StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
  TimeToLiveSpecification: { AttributeName: 'expires', Enabled: true },
})

describe('DynamoDB', () => {
  let endpoint = ''
  beforeAll(async () => {
    const dynamoDb = await startDynamoDb({ dataDir, keep: true })
    started.push(dynamoDb)
    endpoint = dynamoDb.endpoint
  })

  test('a table has the keys, indexes, stream and time to live of the template', async () => {
    const streams = await createTables(endpoint, region, [table])
    const client = new DynamoDBClient({ endpoint, region, credentials })
    const { Table } = await client.send(new DescribeTableCommand({ TableName: 'orders' }))
    expect(Table?.KeySchema).toEqual(table.properties['KeySchema'])
    expect(Table?.GlobalSecondaryIndexes?.[0]).toMatchObject({
      IndexName: 'by-instrument',
      Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['state'] },
    })
    expect(Table?.LocalSecondaryIndexes?.[0]).toMatchObject({ IndexName: 'by-time' })
    expect(streams.get('Data/orders')).toEqual({ attributes: { StreamArn: Table?.LatestStreamArn } })
    expect(Table?.LatestStreamArn).toMatch(/^arn:aws:dynamodb:.*:table\/orders\/stream\//)
    const { TimeToLiveDescription } = await client.send(new DescribeTimeToLiveCommand({ TableName: 'orders' }))
    expect(TimeToLiveDescription).toEqual({ AttributeName: 'expires', TimeToLiveStatus: 'ENABLED' })
    client.destroy()
  })

  test('the same table again is kept, another one under its name is refused', async () => {
    const first = await createTables(endpoint, region, [table])
    expect(await createTables(endpoint, region, [table])).toEqual(first)
    const changed = { ...table, properties: { ...table.properties, LocalSecondaryIndexes: undefined } }
    await expect(createTables(endpoint, region, [changed])).rejects.toThrow('the kept table orders has other keys')
  })
})

describe('DynamoDB in memory', () => {
  const inMemory = '/dev/shm'
  const isThere = existsSync(inMemory) && statfsSync(inMemory).bavail * statfsSync(inMemory).bsize > 2 ** 30
  const own = () => readdirSync(inMemory).find(name => name.startsWith(`exchange-dynamodb-${process.pid}-`))

  test('the reads of streams have their indexes, and the folder goes with the process, also after one that was killed', async () => {
    // Where a system has none, DynamoDB Local keeps it in its own memory, as it did, and no index can be made.
    if (!isThere) return
    const { pid = 0 } = spawnSync(process.execPath, ['-e', ''])
    const left = join(inMemory, `exchange-dynamodb-${pid}-left`)
    mkdirSync(left)
    const server = await startDynamoDb({ dataDir: mkdtempSync(join(dataDir, 'memory-')), keep: false })
    try {
      const database = new DatabaseSync(join(inMemory, own() ?? '', 'shared-local-instance.db'), { readOnly: true })
      const plans = ['StreamID', 'ShardID'].map(column =>
        database.prepare(`EXPLAIN QUERY PLAN SELECT MAX(SequenceNumber) FROM us WHERE ${column} = 'x'`).get(),
      )
      database.close()
      expect(plans.map(plan => plan?.['detail'])).toEqual([
        expect.stringContaining('USING COVERING INDEX exchange_us_StreamID'),
        expect.stringContaining('USING COVERING INDEX exchange_us_ShardID'),
      ])
    } finally {
      await server.stop()
    }
    expect([own(), existsSync(left)]).toEqual([undefined, false])
  })
})

describe.each<KinesisKind>(['kinesalite', 'kinesis-local'])('Kinesis by %s', kind => {
  test('records arrive with the time of the clock, and consumers are registered where they can be', async () => {
    const clock = createClock()
    const server = await startKinesis({ kind, account: '123456789012', region, clock, dataDir, keep: true })
    started.push(server)
    const { endpoint } = server
    const StreamName = 'lane'
    const StreamARN = `arn:aws:kinesis:${region}:123456789012:stream/${StreamName}`
    const stream = resource('AWS::Kinesis::Stream', StreamName, { ShardCount: 1, RetentionPeriodHours: 48 })
    const consumer = resource('AWS::Kinesis::StreamConsumer', 'matcher', { StreamARN, ConsumerName: 'matcher' })
    const wanted = kind === 'kinesalite' ? [stream] : [stream, consumer]
    const consumers = await createStreams(endpoint, region, wanted)
    expect([...consumers].map(([id, { arn }]) => `${id} ${arn?.startsWith(`${StreamARN}/consumer/matcher:`)}`)).toEqual(
      kind === 'kinesalite' ? [] : ['Data/matcher true'],
    )
    expect(await createStreams(endpoint, region, wanted)).toEqual(consumers)

    const client = new KinesisClient({ endpoint, region, credentials, requestHandler: new NodeHttpHandler() })
    const put = () => client.send(new PutRecordCommand({ StreamName, PartitionKey: 'p', Data: Buffer.from('x') }))
    const beforeMillis = Date.now()
    const { ShardId } = await put()
    const dayMillis = 86_400_000
    clock.forward(dayMillis)
    await put()
    const shard = { StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' as const }
    const { ShardIterator } = await client.send(new GetShardIteratorCommand(shard))
    const { Records = [] } = await client.send(new GetRecordsCommand({ ShardIterator }))
    const [first = 0, second = 0] = Records.map(({ ApproximateArrivalTimestamp }) =>
      Number(ApproximateArrivalTimestamp),
    )
    expect(first - beforeMillis).toBeGreaterThan(-1_000)
    expect(Math.abs(second - first - dayMillis)).toBeLessThan(5_000)
    client.destroy()
  })
})

describe('a reader of kinesalite that asks where there is nothing', () => {
  const StreamName = 'quiet'
  const begin = async () => {
    const server = await startKinesis({
      kind: 'kinesalite',
      account: '123456789012',
      region,
      clock: createClock(),
      dataDir: mkdtempSync(join(dataDir, 'quiet-')),
      keep: false,
    })
    started.push(server)
    const { endpoint } = server
    await createStreams(endpoint, region, [resource('AWS::Kinesis::Stream', StreamName, { ShardCount: 1 })])
    const client = new KinesisClient({ endpoint, region, credentials, requestHandler: new NodeHttpHandler() })
    const put = () => client.send(new PutRecordCommand({ StreamName, PartitionKey: 'p', Data: Buffer.from('x') }))
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({ StreamName, ShardId: 'shardId-000000000000', ShardIteratorType: 'TRIM_HORIZON' }),
    )
    const read = async (iterator = ShardIterator, abortSignal?: AbortSignal) => {
      const command = new GetRecordsCommand({ ShardIterator: iterator })
      const { Records = [], NextShardIterator } = await client.send(command, abortSignal && { abortSignal })
      return { count: Records.length, NextShardIterator }
    }
    return { client, put, read }
  }

  test('is answered with the record that is put meanwhile, once', async () => {
    const { client, put, read } = await begin()
    const answers = [read(), read()]
    await put()
    const [first, second] = await Promise.all(answers)
    expect([first?.count, second?.count]).toEqual([1, 1])
    expect(await read(first?.NextShardIterator)).toMatchObject({ count: 0, NextShardIterator: expect.any(String) })
    client.destroy()
  })

  test('is answered all the same where nobody puts any, and can go on from there', async () => {
    const { client, put, read } = await begin()
    const { count, NextShardIterator } = await read()
    expect(count).toBe(0)
    await put()
    expect(await read(NextShardIterator)).toMatchObject({ count: 1 })
    client.destroy()
  })

  test('is forgotten where it has gone away', async () => {
    const { client, put, read } = await begin()
    await expect(read(undefined, AbortSignal.timeout(50))).rejects.toThrow()
    await put()
    expect(await read()).toMatchObject({ count: 1 })
    client.destroy()
  })
})

describe('S3', () => {
  const Bucket = 'snapshots'
  let client: S3Client
  beforeAll(async () => {
    const port = await freePort()
    const complain = (where: string, error: unknown) => expect([where, error]).toBeUndefined()
    const buckets = [Bucket, 'locked']
    const s3 = await startS3({ port, dataDir, region, buckets, locked: ['locked'], clock: createClock(), complain })
    started.push(s3)
    client = new S3Client({ endpoint: s3.endpoint, region, credentials })
  })
  afterAll(() => client.destroy())

  test('an object comes back as it was put, with its checksum', async () => {
    const Key = 'lane-1/a b/../é%.json'
    const put = { Bucket, Key, Body: '{"a":1}', ContentType: 'application/json', Metadata: { lane: '1' } }
    const { ETag } = await client.send(new PutObjectCommand({ ...put, ChecksumAlgorithm: 'SHA256' }))
    const got = await client.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }))
    expect(await got.Body?.transformToString()).toBe('{"a":1}')
    expect(got).toMatchObject({ ETag, ContentType: 'application/json', Metadata: { lane: '1' }, ContentLength: 7 })
    expect(got.ChecksumSHA256).toBeDefined()
    const { ContentLength } = await client.send(new HeadObjectCommand({ Bucket, Key }))
    expect(ContentLength).toBe(7)
  })

  test('where objects are locked, none is overwritten or deleted', async () => {
    const object = { Bucket: 'locked', Key: '2026-07-21/1.jsonl' }
    const put = (more: object) => client.send(new PutObjectCommand({ ...object, Body: 'x', ...more }))
    await put({})
    await expect(put({})).rejects.toMatchObject({ name: 'AccessDenied' })
    await expect(put({ IfNoneMatch: '*' })).rejects.toMatchObject({ name: 'PreconditionFailed' })
    await expect(client.send(new DeleteObjectCommand(object))).rejects.toMatchObject({ name: 'AccessDenied' })
    await put({ Key: '2026-07-21/2.jsonl' })
  })

  test('a stream of unknown checksum is taken out of its chunks', async () => {
    const bytes = Buffer.alloc(300_000, 'abcdefg\n')
    const Body = Readable.from([bytes.subarray(0, 100_001), bytes.subarray(100_001)])
    await client.send(new PutObjectCommand({ Bucket, Key: 'stream', Body, ContentLength: bytes.length }))
    const got = await client.send(new GetObjectCommand({ Bucket, Key: 'stream' }))
    expect(Buffer.from((await got.Body?.transformToByteArray()) ?? []).equals(bytes)).toBe(true)
    expect(got.ChecksumCRC32).toBeDefined()
    expect(got.ContentEncoding).toBeUndefined()
  })

  test('If-None-Match lets only one of many writers create an object', async () => {
    const put = (Body: string) => client.send(new PutObjectCommand({ Bucket, Key: 'once', Body, IfNoneMatch: '*' }))
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map(put))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await expect(put('d')).rejects.toMatchObject({ name: 'PreconditionFailed' })
  })

  test('keys are listed in order, by prefix and page', async () => {
    const keys = ['l/1', 'l/2/x', 'l/2/y', 'l/2', 'l/3', 'm/1']
    for (const Key of keys) await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }))
    const list = (options: object) => client.send(new ListObjectsV2Command({ Bucket, ...options }))
    const all = await list({ Prefix: 'l/' })
    expect(all.Contents?.map(({ Key }) => Key)).toEqual(['l/1', 'l/2', 'l/2/x', 'l/2/y', 'l/3'])
    await expect(list({ Delimiter: '/' })).rejects.toMatchObject({ name: 'NotImplemented' })
    const page = await list({ Prefix: 'l/', MaxKeys: 2 })
    expect(page).toMatchObject({ IsTruncated: true, KeyCount: 2 })
    const next = await list({ Prefix: 'l/', ContinuationToken: page.NextContinuationToken })
    expect(next.Contents?.map(({ Key }) => Key)).toEqual(['l/2/x', 'l/2/y', 'l/3'])
  })

  test('a deleted object is gone; what is not there is said', async () => {
    await client.send(new PutObjectCommand({ Bucket, Key: 'gone', Body: 'x' }))
    await client.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }))
    await expect(client.send(new GetObjectCommand({ Bucket, Key: 'gone' }))).rejects.toMatchObject({
      name: 'NoSuchKey',
    })
    await client.send(new HeadBucketCommand({ Bucket }))
    await expect(client.send(new HeadBucketCommand({ Bucket: 'other' }))).rejects.toMatchObject({ name: 'NotFound' })
    const ranged = new GetObjectCommand({ Bucket, Key: 'stream', Range: 'bytes=0-1' })
    await expect(client.send(ranged)).rejects.toMatchObject({ name: 'NotImplemented' })
  })
})
