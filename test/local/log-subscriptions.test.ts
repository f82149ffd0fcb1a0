import { createServer, type Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { compileFilterPattern, startLogSubscriptions } from '#local/log-subscriptions.ts'
import { auditLinePattern, gatewayAnswerPattern } from '#protocol/audit.ts'
import { arnOf, resourceOf, testSurroundings } from './surroundings.ts'

describe('filter patterns', () => {
  test('an existing field, and fields that are or are not a text', () => {
    expect(compileFilterPattern(auditLinePattern)('{"audit":{"teller":"x"}}')).toBe(true)
    for (const line of ['{"audit":{}}', '{"audit":"teller"}', '{}', 'teller', '{"audit":', '', '[1]'])
      expect(compileFilterPattern(auditLinePattern)(line)).toBe(false)
    const gateway = compileFilterPattern(gatewayAnswerPattern)
    const answered = (fields: object) =>
      gateway(
        JSON.stringify({ method: 'GET', status: '200', response_type: '-', authorizer_request_id: '-', ...fields }),
      )
    expect(answered({})).toBe(false)
    expect(answered({ status: '401', response_type: 'UNAUTHORIZED' })).toBe(true)
    expect(answered({ status: '401', response_type: 'UNAUTHORIZED', authorizer_request_id: 'x' })).toBe(false)
    expect(answered({ status: '401' })).toBe(false)
    expect(answered({ status: '403', response_type: 'ACCESS_DENIED', authorizer_request_id: 'x' })).toBe(true)
    expect(answered({ status: '502', response_type: 'INTEGRATION_FAILURE' })).toBe(false)
    expect(answered({ status: '502', response_type: 'INTEGRATION_FAILURE', method: 'POST' })).toBe(true)
    expect(answered({ status: '504', response_type: 'INTEGRATION_TIMEOUT', method: 'DELETE' })).toBe(true)
  })

  test.each([
    '',
    'ERROR',
    '{ $.a > 1 }',
    '{ $.a = "x*" }',
    '{ $.a != * }',
    '{ $.a = "x" && ($.b = "y" || $.c = "z") }',
    '[a, b]',
  ])('%s is refused', pattern => {
    expect(() => compileFilterPattern(pattern)).toThrow('is not supported')
  })
})

describe('log subscriptions', () => {
  const puts: { StreamName: string; Data: string }[] = []
  let server: Server
  let endpoint = ''
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      puts.push(JSON.parse(await text(request)))
      response.end('{}')
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    endpoint = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  })
  afterAll(() => {
    server.close()
    server.closeAllConnections()
  })

  test('lines that match go to the stream, wrapped and compressed; the last ones before the end too', async () => {
    const filter = resourceOf('AWS::Logs::SubscriptionFilter', 'Lines', arnOf('logs', 'Lines'), {
      LogGroupName: 'group',
      FilterPattern: '{ $.audit.teller = * }',
      DestinationArn: arnOf('kinesis', 'stream/audit'),
    })
    const s = testSurroundings([filter], { AWS_ENDPOINT_URL_KINESIS: endpoint })
    const subscriptions = startLogSubscriptions(s)
    const line = '{"audit":{"teller":"a"}}'
    subscriptions.logged('group', 'one', `${line}\nplain\n{"other":1}\n`)
    subscriptions.logged('group', 'one', `${line}\n`)
    subscriptions.logged('group', 'two', line)
    subscriptions.logged('other group', 'one', line)
    await subscriptions.stop()
    s.remove()
    expect(s.complaints).toEqual([])
    const messages = puts.map(({ StreamName, Data }) => ({
      StreamName,
      ...JSON.parse(gunzipSync(Buffer.from(Data, 'base64')).toString()),
    }))
    expect(messages).toMatchObject([
      {
        StreamName: 'audit',
        messageType: 'DATA_MESSAGE',
        logGroup: 'group',
        logStream: 'one',
        logEvents: [{ message: line }, { message: line }],
      },
      { logStream: 'two', logEvents: [{ message: line, timestamp: expect.any(Number), id: expect.any(String) }] },
    ])
  })
})
