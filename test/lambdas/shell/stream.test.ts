import { describe, expect, test } from '@jest/globals'
import type { DynamoDBRecord, KinesisStreamRecord } from 'aws-lambda'
import { lambdaContext } from '#test/support/http-requests.ts'

const { RecordFailure, serveStream, serveTableStream } = await import('#lambdas/shell/stream.ts')

const kinesisRecord = (sequenceNumber: string, text: string): KinesisStreamRecord => ({
  awsRegion: 'eu-central-1',
  eventID: `shard:${sequenceNumber}`,
  eventName: 'aws:kinesis:record',
  eventSource: 'aws:kinesis',
  eventSourceARN: 'arn',
  eventVersion: '1.0',
  invokeIdentityArn: 'arn',
  kinesis: {
    approximateArrivalTimestamp: 1,
    data: Buffer.from(text).toString('base64'),
    kinesisSchemaVersion: '1.0',
    partitionKey: 'lane',
    sequenceNumber,
  },
})

describe('a batch of a Kinesis stream', () => {
  const batch = { Records: [kinesisRecord('1', 'a'), kinesisRecord('2', 'b'), kinesisRecord('3', 'c')] }

  test('is handed over decoded, and done where nothing is thrown', async () => {
    const seen: string[] = []
    const handler = serveStream(async records => {
      seen.push(...records.map(({ sequenceNumber, data }) => `${sequenceNumber}${Buffer.from(data).toString()}`))
    })
    expect(await handler(batch, lambdaContext)).toEqual({ batchItemFailures: [] })
    expect(seen).toEqual(['1a', '2b', '3c'])
    expect(await handler({ Records: [] }, lambdaContext)).toEqual({ batchItemFailures: [] })
  })

  test('fails from the record on that could not be processed', async () => {
    const handler = serveStream(async () => {
      throw new RecordFailure('2', new Error('why'))
    })
    expect(await handler(batch, lambdaContext)).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] })
  })

  test('fails as a whole where the throw names no record', async () => {
    const handler = serveStream(async () => {
      throw new Error('why')
    })
    expect(await handler(batch, lambdaContext)).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] })
  })
})

describe('a batch of a table’s stream', () => {
  const record: DynamoDBRecord = {
    eventName: 'MODIFY',
    dynamodb: {
      SequenceNumber: '7',
      Keys: { id: { S: 'x' } },
      NewImage: { id: { S: 'x' }, size_lots: { N: '-5' }, is_active: { BOOL: true }, cash: { N: '9007199254740991' } },
      OldImage: { id: { S: 'x' } },
    },
  }

  test('is handed over as items, before and now', async () => {
    const seen: unknown[] = []
    const handler = serveTableStream(async changes => {
      seen.push(...changes)
    })
    const removed: DynamoDBRecord = { dynamodb: { SequenceNumber: '8', OldImage: { id: { S: 'x' } } } }
    expect(await handler({ Records: [record, removed] }, lambdaContext)).toEqual({ batchItemFailures: [] })
    expect(seen).toEqual([
      {
        sequenceNumber: '7',
        now: { id: 'x', size_lots: -5, is_active: true, cash: Number.MAX_SAFE_INTEGER },
        before: { id: 'x' },
      },
      { sequenceNumber: '8', now: undefined, before: { id: 'x' } },
    ])
  })

  test('fails from the record on that could not be processed', async () => {
    const handler = serveTableStream(async ([first]) => {
      throw new RecordFailure(first?.sequenceNumber ?? '', new Error('why'))
    })
    expect(await handler({ Records: [record] }, lambdaContext)).toEqual({
      batchItemFailures: [{ itemIdentifier: '7' }],
    })
  })
})
