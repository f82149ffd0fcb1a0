import { gzipSync } from 'node:zlib'
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb'
import { PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { DynamoDBDocumentClient, GetCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { makeVerifier, parseSegmentName } from '#domain/compliance/audit-chain.ts'
import type { AuditTold } from '#protocol/audit.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'SILENT'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'true'
process.env['AUDIT_TABLE'] = 'test-audit'
process.env['AUDIT_BUCKET'] = 'test-audit-bucket'

type Item = Readonly<Record<string, unknown>>
const rows = new Map<unknown, Item>()
const objects = new Map<string, string>()
let bucketIsAway = false
const tables = mockClient(DynamoDBDocumentClient)
const bucket = mockClient(S3Client)

const { makeChaining } = await import('#lambdas/security/chain-audit-records.ts')

const refusal = () =>
  new TransactionCanceledException({
    message: 'cancelled',
    $metadata: {},
    CancellationReasons: [{ Code: 'ConditionalCheckFailed' }],
  })

beforeEach(() => {
  rows.clear()
  objects.clear()
  tables.reset()
  bucket.reset()
  tables.on(GetCommand).callsFake(({ Key }) => {
    const Item = rows.get(Key.record_id)
    return Item === undefined ? {} : { Item }
  })
  tables.on(QueryCommand).callsFake(({ ExpressionAttributeValues: values }) => ({
    Items: [...rows.values()].filter(
      row =>
        row['date'] === values[':date'] &&
        Number(row['number']) >= values[':first'] &&
        Number(row['number']) <= values[':last'],
    ),
  }))
  tables.on(TransactWriteCommand).callsFake(({ TransactItems }) => {
    for (const { Put } of TransactItems) {
      const known = rows.get(Put.Item.record_id)
      const isAsRead = String(Put.ConditionExpression).startsWith('attribute_not_exists')
        ? known === undefined
        : known?.['head_hash'] === Put.ExpressionAttributeValues[':v0']
      if (!isAsRead) throw refusal()
    }
    for (const { Put } of TransactItems) rows.set(Put.Item.record_id, Put.Item)
    return {}
  })
  bucket.on(PutObjectCommand).callsFake(({ Bucket, Key, Body, IfNoneMatch }) => {
    expect([Bucket, IfNoneMatch]).toEqual(['test-audit-bucket', '*'])
    if (bucketIsAway) throw new Error('away')
    if (objects.has(Key)) throw new S3ServiceException({ name: 'PreconditionFailed', $fault: 'client', $metadata: {} })
    objects.set(Key, Body)
    return {}
  })
})

const teller = '6f1b8c1e-3f0e-4a77-9d3c-0f8f6b9d2a11'
const line = (number: number, more: Partial<AuditTold> = {}): string =>
  JSON.stringify({
    level: 'INFO',
    message: 'audit',
    audit: {
      teller,
      line: number,
      time: '2026-07-21T09:05:07.150Z',
      account: 'acme',
      role: 'trader',
      credential: 'acme',
      address: '127.0.0.1',
      request_id: `r-${number}`,
      operation: 'place-order',
      method: 'POST',
      route: '/api/v1/orders',
      path: '/api/v1/orders',
      body_sha256: 'a'.repeat(64),
      status: 202,
      code: null,
      ...more,
    },
  })

let sequence = 0
const delivered = (...messages: readonly string[]) => {
  sequence += 1
  const logEvents = messages.map((message, at) => ({ id: `${sequence}-${at}`, timestamp: 0, message }))
  return {
    sequenceNumber: String(sequence),
    data: gzipSync(JSON.stringify({ messageType: 'DATA_MESSAGE', owner: '1', logEvents })),
  }
}

const verified = () => {
  const verifier = makeVerifier()
  for (const [key, body] of [...objects].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const named = parseSegmentName(key)
    if (named === undefined) throw new Error(key)
    verifier.segment({ ...named, lines: body.trimEnd().split('\n') })
  }
  return verifier.finish()
}

const records = () =>
  [...objects.values()].flatMap(body => body.trimEnd().split('\n')).map((text): Item => JSON.parse(text))

describe('chaining audit records', () => {
  test('each line becomes a record of the table and of the archive, in one chain', async () => {
    const chainRecords = makeChaining()
    await chainRecords([delivered(line(1), line(2)), delivered(line(3))])
    await chainRecords([delivered(line(4))])
    expect(verified()).toMatchObject({ records: 4, days: 1, faults: [] })
    expect([...rows.keys()].sort()).toEqual(
      [1, 2, 3, 4]
        .map(number => `${teller}:${number}`)
        .concat('head')
        .sort(),
    )
    expect(records()[0]).toMatchObject({
      id: `${teller}:1`,
      account: 'acme',
      operation: 'place-order',
      request_id: 'r-1',
      status: 202,
    })
  })

  test('a line that is delivered again, in the batch or later, is one record', async () => {
    const chainRecords = makeChaining()
    const record = delivered(line(1), line(2))
    await chainRecords([record, record])
    await chainRecords([record, delivered(line(2), line(3))])
    expect(verified()).toMatchObject({ records: 3, faults: [] })
  })

  test('more than a transaction takes go one after another', async () => {
    const chainRecords = makeChaining()
    await chainRecords([delivered(...Array.from({ length: 250 }, (_, at) => line(at + 1)))])
    expect(objects.size).toBe(3)
    expect(verified()).toMatchObject({ records: 250, faults: [] })
  })

  test('what was chained before an end without the archive is archived by the next one', async () => {
    const chainRecords = makeChaining()
    bucketIsAway = true
    const record = delivered(line(1), line(2))
    await expect(chainRecords([record])).rejects.toThrow('away')
    expect(objects.size).toBe(0)
    bucketIsAway = false
    await makeChaining()([record, delivered(line(3))])
    expect(verified()).toMatchObject({ records: 3, faults: [] })
  })

  test('another writer at the same time: both are in the chain', async () => {
    const [one, other] = [makeChaining(), makeChaining()]
    await Promise.all([one([delivered(line(1), line(2))]), other([delivered(line(2), line(3))])])
    expect(verified()).toMatchObject({ records: 3, faults: [] })
  })

  test('what the gateway answered by itself is told by its access log', async () => {
    const chainRecords = makeChaining()
    const logged = {
      request_id: 'chosen',
      extended_request_id: 'Xyz=',
      time: '1784624707150',
      account: '-',
      role: '-',
      credential: '-',
      address: '10.0.0.1',
      method: 'POST',
      route: '/api/v1/orders',
      path: '/api/v1/orders',
      status: '401',
      response_type: 'UNAUTHORIZED',
    }
    await chainRecords([delivered(JSON.stringify(logged), JSON.stringify(logged))])
    expect(records()).toMatchObject([
      {
        id: 'gateway:Xyz=',
        teller: null,
        line: null,
        time: '2026-07-21T09:05:07.150Z',
        account: null,
        address: '10.0.0.1',
        operation: 'place-order',
        status: 401,
        code: 'unauthorized',
      },
    ])
  })

  test('a refusal by the authorizer gets the operation of its route', async () => {
    const chainRecords = makeChaining()
    const refused = line(1, { operation: null, route: '/api/v1/orders/{order_id}', method: 'DELETE', status: 401 })
    await chainRecords([delivered(refused)])
    expect(records()[0]).toMatchObject({ operation: 'cancel-order', status: 401 })
  })

  test('nothing is passed over: what cannot be read is a record with its hash', async () => {
    const chainRecords = makeChaining()
    const odd = line(2, { path: 'x'.repeat(300) })
    await chainRecords([
      { sequenceNumber: '77', data: Buffer.from('no gzip') },
      delivered('{"audit":', odd, line(3)),
      { sequenceNumber: '78', data: gzipSync('{"messageType":"CONTROL_MESSAGE","logEvents":[]}') },
    ])
    expect(records().map(({ code }) => code)).toEqual(['unreadable-line', 'unreadable-line', 'unreadable-line', null])
    expect(records()[0]).toMatchObject({ id: 'unreadable:77', body_sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
    // And the line that was not taken shows as lost.
    expect(verified().faults.map(({ kind }) => kind)).toEqual(['lost-lines'])
  })
})
