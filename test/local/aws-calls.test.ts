import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { accessKeyOf, callerEnvironment, recordAwsCalls } from '#local/aws-calls.ts'
import { testSurroundings } from './surroundings.ts'

const folder = mkdtempSync(join(tmpdir(), 'aws-calls-'))
const callsFile = join(folder, 'calls.jsonl')
const bodies: string[] = []
const server = createServer((asked, answer) => {
  text(asked)
    .then(body => {
      bodies.push(body)
      answer.end()
    })
    .catch(error => answer.destroy(error))
})
const caller = {
  stack: 'exchange-x',
  logicalId: 'BuyFunction01',
  type: 'AWS::Lambda::Function',
  properties: {},
  physicalId: 'x',
  arn: 'x',
}

beforeAll(() => new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve)))
// It hears all of the process, and so the test files to come.
let endRecording = () => {}
afterAll(async () => {
  endRecording()
  await new Promise(resolve => server.close(resolve))
  rmSync(folder, { recursive: true, force: true })
})

const send = async (path: string, headers: Readonly<Record<string, string>>, body?: string | Buffer) => {
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  await new Promise<void>((resolve, reject) => {
    const method = body === undefined ? 'GET' : 'POST'
    request({ host: '127.0.0.1', port, method, path, headers }, answer => answer.resume().once('end', resolve))
      .once('error', reject)
      .end(body)
  })
}
const signed = (service: string) => ({
  authorization: `AWS4-HMAC-SHA256 Credential=exchangexBuyFunction01/20260101/eu-central-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
})
const lines = () =>
  readFileSync(callsFile, 'utf8')
    .split('\n')
    .filter(line => line !== '')
    .map((line): unknown => JSON.parse(line))

describe('recorded calls', () => {
  test('an access key is the caller’s own; without a file nothing else is told', () => {
    const s = testSurroundings([caller], {}, folder)
    expect(accessKeyOf(caller)).toBe('exchangexBuyFunction01')
    expect(callerEnvironment(s, caller)).toEqual({ ...s.awsEnvironment, AWS_ACCESS_KEY_ID: 'exchangexBuyFunction01' })
    expect(Object.values(callerEnvironment({ ...s, callsFile }, caller))).toContain(callsFile)
  })

  test('hold who, what and on what, once, and nothing of what is stored', async () => {
    const environment = callerEnvironment({ ...testSurroundings([caller], {}, folder), callsFile }, caller)
    const [variable = ''] = Object.entries(environment).find(([, value]) => value === callsFile) ?? []
    process.env[variable] = callsFile
    endRecording = recordAwsCalls()
    delete process.env[variable]

    const target = { ...signed('dynamodb'), 'x-amz-target': 'DynamoDB_20120810.TransactWriteItems' }
    const put = (TableName: string, secret: string) => ({ Put: { TableName, Item: { TableName: { S: secret } } } })
    const body = JSON.stringify({ TransactItems: [put('a', 'x'), put('b', 'y'), put('a', 'z')] })
    await send('/', target, Buffer.from(body))
    await send('/', target, body)
    const batch = { ...target, 'x-amz-target': 'DynamoDB_20120810.BatchGetItem' }
    const asked = JSON.stringify({ RequestItems: { b: { Keys: [{ id: { S: 'x' } }] }, a: { Keys: [] } } })
    await send('/', batch, asked)
    await send('/bucket/key?x-id=GetObject', { ...signed('s3'), 'x-amz-object-lock-mode': 'GOVERNANCE' })
    await send('/keys', {})

    const who = { accessKey: 'exchangexBuyFunction01' }
    expect(lines()).toEqual([
      {
        ...who,
        service: 'dynamodb',
        action: 'TransactWriteItems',
        names: { TransactItems: [{ Put: { TableName: 'a' } }, { Put: { TableName: 'b' } }] },
      },
      { ...who, service: 'dynamodb', action: 'BatchGetItem', names: { RequestItems: ['a', 'b'] } },
      { ...who, service: 's3', action: 'GET /bucket/key?x-id=GetObject', names: ['x-amz-object-lock-mode'] },
    ])
    expect(bodies).toEqual([body, body, asked, '', ''])
  })
})
