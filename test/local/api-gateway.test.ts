import { readFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startApiGateway } from '#local/api-gateway.ts'
import type { Invocation } from '#local/component.ts'
import { account, functionSurroundings, region, resourceOf } from './function-surroundings.ts'

const s = functionSurroundings()
const uriOf = (name: string) =>
  `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/arn:aws:lambda:${region}:${account}:function:${name}/invocations`
const add = (type: string, id: string, properties: Record<string, unknown>) =>
  s.resources.push(resourceOf(`AWS::ApiGateway::${type}`, id, { RestApiId: 'api', ...properties }))
const addPath = (id: string, ParentId: string, PathPart: string) => add('Resource', id, { ParentId, PathPart })
const addMethod = (HttpMethod: string, ResourceId: string, more: Record<string, unknown> = {}) =>
  add('Method', `${ResourceId}-${HttpMethod}`, {
    HttpMethod,
    ResourceId,
    AuthorizationType: 'NONE',
    Integration: { Type: 'AWS_PROXY', IntegrationHttpMethod: 'POST', Uri: uriOf('orders'), TimeoutInMillis: 200 },
    ...more,
  })
const authorized = { AuthorizationType: 'CUSTOM', AuthorizerId: 'authorizer' }

for (const name of ['orders', 'authorize']) s.resources.push(resourceOf('AWS::Lambda::Function', name, {}))
add('RestApi', 'api', { Name: 'exchange', BinaryMediaTypes: ['image/*'] })
addPath('v1', 'root-id', 'v1')
addPath('orders', 'v1', 'orders')
addPath('order', 'orders', '{order_id}')
addPath('pending', 'orders', 'pending')
addPath('files', 'v1', '{proxy+}')
addPath('private', 'v1', 'private')
addPath('throttled', 'v1', 'throttled')
addMethod('GET', 'root-id')
addMethod('POST', 'orders')
addMethod('GET', 'order')
addMethod('GET', 'pending')
addMethod('ANY', 'files')
addMethod('GET', 'private', authorized)
addMethod('POST', 'private', authorized)
addMethod('GET', 'throttled')
add('Authorizer', 'authorizer', {
  Name: 'tokens',
  Type: 'REQUEST',
  AuthorizerUri: uriOf('authorize'),
  IdentitySource: 'method.request.header.Authorization',
  AuthorizerResultTtlInSeconds: 60,
})
add('GatewayResponse', 'missing', {
  ResponseType: 'MISSING_AUTHENTICATION_TOKEN',
  StatusCode: '404',
  ResponseParameters: { 'gatewayresponse.header.X-Request': 'context.requestId' },
  ResponseTemplates: { 'application/json': '{"title":"not found","instance":"$context.path"}' },
})
add('GatewayResponse', 'client-errors', {
  ResponseType: 'DEFAULT_4XX',
  ResponseParameters: { 'gatewayresponse.header.Content-Type': "'application/problem+json'" },
  ResponseTemplates: {
    'application/json':
      '{"type":"$context.error.responseType","detail":$context.error.messageString,"request_id":"$context.requestId"}',
  },
})
add('Stage', 'stage', {
  StageName: 'live',
  Variables: { colour: 'green' },
  AccessLogSetting: {
    DestinationArn: 'arn:aws:logs:eu-west-1:123456789012:log-group:access',
    Format:
      '{"status":"$context.status","path":"$context.path","resource":"$context.resourcePath","agent":"$context.identity.userAgent","account":"$context.authorizer.account","statuses":"$context.authorizer.status $context.integrationStatus","length":$context.responseLength,"error":"$context.error.responseType"}',
  },
  MethodSettings: [
    { HttpMethod: '*', ResourcePath: '/*', ThrottlingRateLimit: 10_000, ThrottlingBurstLimit: 5_000 },
    { HttpMethod: 'GET', ResourcePath: '/~1v1~1throttled', ThrottlingRateLimit: 1, ThrottlingBurstLimit: 2 },
  ],
})

type Event = Record<string, unknown> & { requestContext: Record<string, unknown> }
let handler: (event: Event) => unknown
let authorizer: (event: Event) => unknown
let authorizerCalls = 0
const echo = (event: Event) => ({ statusCode: 200, body: JSON.stringify(event) })
const policy = (Effect: string, Resource: string | string[] = '*') => ({
  principalId: 'alice',
  policyDocument: { Version: '2012-10-17', Statement: [{ Action: 'execute-api:Invoke', Effect, Resource }] },
  context: { account: 'alice', level: 2, active: true },
})

async function invoke(functionArn: string, event: unknown): Promise<Invocation> {
  const sent: Event = JSON.parse(JSON.stringify(event))
  const isAuthorizer = functionArn.endsWith(':authorize')
  if (isAuthorizer) authorizerCalls += 1
  try {
    return { ok: true, payload: await (isAuthorizer ? authorizer : handler)(sent) }
  } catch (error) {
    return { ok: false, kind: 'Unhandled', error: { errorType: 'Error', errorMessage: String(error).slice(7) } }
  }
}

let gateway: Awaited<ReturnType<typeof startApiGateway>>
beforeAll(async () => {
  gateway = await startApiGateway(s, invoke, {
    port: 0,
    extraRoutes: [
      (request, response) => {
        if (request.url !== '/extra') return false
        response.end('extra')
        return true
      },
    ],
  })
})
afterAll(() => gateway.stop())

interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}
function send(
  method: string,
  path: string,
  headers: Record<string, string | string[]> = {},
  body: string | Buffer = '',
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(`${gateway.url}`, { method, path, headers }, async response => {
      const chunks: Buffer[] = []
      for await (const chunk of response) chunks.push(chunk)
      const text = Buffer.concat(chunks).toString()
      resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}
async function eventOf(...of: Parameters<typeof send>): Promise<Event> {
  handler = echo
  return JSON.parse((await send(...of)).text)
}

describe('a proxy event', () => {
  test('says what the client sent', async () => {
    const event = await eventOf(
      'POST',
      '/v1/orders?side=buy&side=sell&q=a+b%2Fc',
      { 'User-Agent': 'tester', 'X-Two': ['1', '2'], 'Content-Type': 'application/json' },
      '{"a":"é"}',
    )
    expect(event).toMatchObject({
      resource: '/v1/orders',
      path: '/v1/orders',
      httpMethod: 'POST',
      headers: { 'User-Agent': 'tester', 'X-Two': '2', 'X-Forwarded-For': '127.0.0.1' },
      multiValueHeaders: { 'X-Two': ['1', '2'], 'User-Agent': ['tester'] },
      queryStringParameters: { side: 'sell', q: 'a b/c' },
      multiValueQueryStringParameters: { side: ['buy', 'sell'], q: ['a b/c'] },
      pathParameters: null,
      stageVariables: { colour: 'green' },
      body: '{"a":"é"}',
      isBase64Encoded: false,
      requestContext: {
        apiId: 'api',
        accountId: account,
        stage: 'live',
        path: '/v1/orders',
        resourcePath: '/v1/orders',
        resourceId: 'orders',
        httpMethod: 'POST',
        protocol: 'HTTP/1.1',
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        extendedRequestId: expect.stringMatching(/^[\w+/]{15}=$/),
        requestTime: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
        requestTimeEpoch: expect.any(Number),
        identity: { sourceIp: '127.0.0.1', userAgent: 'tester', caller: null },
      },
    })
    expect(event['headers']).not.toHaveProperty('Connection')
    expect(event.requestContext).not.toHaveProperty('authorizer')
  })

  test('has null where the client sent nothing', async () => {
    expect(await eventOf('GET', '/')).toMatchObject({
      resource: '/',
      queryStringParameters: null,
      multiValueQueryStringParameters: null,
      body: null,
    })
  })

  test.each([
    ['/v1/orders/7', '/v1/orders/{order_id}', { order_id: '7' }],
    ['/v1/orders/a%2Fb%20c/', '/v1/orders/{order_id}', { order_id: 'a/b c' }],
    ['/v1/orders/pending', '/v1/orders/pending', null],
    ['/v1/orders/7/more', '/v1/{proxy+}', { proxy: 'orders/7/more' }],
  ])('%s is answered by %s', async (path, resource, pathParameters) => {
    expect(await eventOf('GET', path)).toMatchObject({ resource, path, pathParameters })
  })

  test('carries binary bodies in base64', async () => {
    const event = await eventOf('PUT', '/v1/logo', { 'Content-Type': 'image/png' }, Buffer.from([1, 255]))
    expect(event).toMatchObject({ isBase64Encoded: true, body: 'Af8=' })
  })
})

describe('the answer of a function', () => {
  test('becomes the response', async () => {
    handler = () => ({
      statusCode: 201,
      headers: { Location: '/v1/orders/7', 'X-Number': 5 },
      multiValueHeaders: { 'Set-Cookie': ['a=1', 'b=2'] },
      body: '{"ü":1}',
    })
    const reply = await send('POST', '/v1/orders')
    expect(reply).toMatchObject({
      status: 201,
      text: '{"ü":1}',
      headers: {
        location: '/v1/orders/7',
        'x-number': '5',
        'set-cookie': ['a=1', 'b=2'],
        'content-type': 'application/json',
        'content-length': '8',
        'x-amzn-requestid': expect.any(String),
      },
    })
  })

  test('is decoded where the client takes binary', async () => {
    handler = () => ({ statusCode: 200, headers: { 'Content-Type': 'image/png' }, body: 'QUJD', isBase64Encoded: true })
    expect((await send('GET', '/v1/logo')).text).toBe('ABC')
    handler = () => ({
      statusCode: 200,
      headers: { 'Content-Type': 'text/plain' },
      body: 'QUJD',
      isBase64Encoded: true,
    })
    expect((await send('GET', '/v1/logo')).text).toBe('QUJD')
  })

  test('has no body where HTTP allows none', async () => {
    handler = () => ({ statusCode: 200, body: 'x' })
    expect(await send('HEAD', '/v1/logo')).toMatchObject({ status: 200, text: '', headers: { 'content-length': '1' } })
    handler = () => ({ statusCode: 204 })
    const reply = await send('POST', '/v1/orders')
    expect([reply.status, reply.headers['content-length'], reply.text]).toEqual([204, undefined, ''])
  })

  test.each<[string, unknown]>([
    ['no status', { body: 'x' }],
    ['a body that is no string', { statusCode: 200, body: { a: 1 } }],
    ['nothing', null],
    ['a header that HTTP forbids', { statusCode: 200, headers: { bad: 'a\nb' } }],
  ])('with %s is a 502', async (_what, payload) => {
    handler = () => payload
    expect(await send('GET', '/')).toMatchObject({ status: 502, text: '{"message":"Internal server error"}' })
  })

  test('that never comes is a 504, and an exception a 502', async () => {
    handler = () => sleep(400)
    expect(await send('GET', '/')).toMatchObject({ status: 504, text: '{"message":"Endpoint request timed out"}' })
    handler = () => {
      throw new Error('of the handler')
    }
    expect(await send('GET', '/')).toMatchObject({ status: 502, text: '{"message":"Internal server error"}' })
  })
})

describe('gateway responses', () => {
  test('come from the template, inherited ones too', async () => {
    const missing = await send('DELETE', '/v1/orders')
    expect(missing).toMatchObject({ status: 404, text: '{"title":"not found","instance":"/v1/orders"}' })
    expect(missing.headers['x-request']).toBe(missing.headers['x-amzn-requestid'])
    expect((await send('GET', '/nowhere')).status).toBe(404)
    const bad = await send('GET', '/v1/orders/%ff')
    expect([bad.status, bad.headers['content-type']]).toEqual([400, 'application/problem+json'])
    expect(JSON.parse(bad.text)).toMatchObject({ type: 'DEFAULT_4XX', detail: 'Bad Request' })
  })

  test('hold back beyond the burst', async () => {
    handler = echo
    const statuses = []
    for (let at = 0; at < 3; at += 1) statuses.push((await send('GET', '/v1/throttled')).status)
    expect(statuses).toEqual([200, 200, 429])
  })

  test('refuse bodies beyond 10 MB, announced or not', async () => {
    handler = echo
    const large = Buffer.alloc(10 * 1024 * 1024 + 1)
    expect((await send('POST', '/v1/orders', {}, large)).status).toBe(413)
    expect((await send('POST', '/v1/orders', { 'Transfer-Encoding': 'chunked' }, large)).status).toBe(413)
  })
})

describe('the authorizer', () => {
  const ask = async (token: string, method = 'GET') => {
    handler = echo
    const reply = await send(method, '/v1/private', token === '' ? {} : { authorization: token })
    return { ...reply, body: JSON.parse(reply.text) }
  }

  test('is not asked without the identity source', async () => {
    const before = authorizerCalls
    const reply = await ask('')
    expect(reply).toMatchObject({ status: 401, body: { type: 'UNAUTHORIZED', detail: 'Unauthorized' } })
    expect(authorizerCalls).toBe(before)
  })

  test('is asked once for a while, and its context is told as text', async () => {
    const before = authorizerCalls
    let asked: Event | undefined
    authorizer = event => {
      asked = event
      return policy('Allow', `arn:aws:execute-api:${region}:${account}:api/live/GET/*`)
    }
    const reply = await ask('one')
    expect(reply.body.requestContext.authorizer).toMatchObject({
      principalId: 'alice',
      account: 'alice',
      level: '2',
      active: 'true',
    })
    expect(asked).toMatchObject({
      type: 'REQUEST',
      methodArn: `arn:aws:execute-api:${region}:${account}:api/live/GET/v1/private`,
      resource: '/v1/private',
      headers: { authorization: 'one' },
    })
    expect((await ask('one')).status).toBe(200)
    expect(await ask('one', 'POST')).toMatchObject({ status: 403, body: { type: 'ACCESS_DENIED' } })
    expect(authorizerCalls).toBe(before + 1)
    s.clock.forward(61_000)
    await ask('one')
    expect(authorizerCalls).toBe(before + 2)
  })

  test.each<[string, () => unknown, number, string]>([
    ['deny', () => policy('Deny'), 403, 'ACCESS_DENIED'],
    ['another', () => policy('Allow', 'arn:aws:execute-api:eu-west-1:123456789012:other/*'), 403, 'ACCESS_DENIED'],
    ['unauthorized', () => Promise.reject(new Error('Unauthorized')), 401, 'UNAUTHORIZED'],
    ['failing', () => Promise.reject(new Error('store is down')), 500, 'AUTHORIZER_FAILURE'],
    ['object', () => ({ ...policy('Allow'), context: { a: {} } }), 500, 'AUTHORIZER_CONFIGURATION_ERROR'],
    ['nothing', () => null, 500, 'AUTHORIZER_CONFIGURATION_ERROR'],
  ])('that answers %s refuses', async (token, answer, status, type) => {
    authorizer = answer
    const reply = await ask(token)
    expect(reply.status).toBe(status)
    for (let waited = 0; lastLogged().error !== type && waited < 5_000; waited += 20) await sleep(20)
    expect(lastLogged()).toMatchObject({ error: type })
    if (status !== 500) expect(reply.body.type).toBe(type)
  })
})

const logged = () =>
  readFileSync(join(s.dataDir, 'logs', 'access.log'), 'utf8')
    .trim()
    .split('\n')
const lastLogged = () => JSON.parse(logged().at(-1) ?? '')

describe('the server', () => {
  test('logs each request', async () => {
    handler = () => ({ statusCode: 200, body: 'four' })
    authorizer = () => policy('Allow')
    await send('GET', '/v1/private', { Authorization: 'logged', 'User-Agent': 'say "hi"' })
    for (let waited = 0; lastLogged().status !== '200' && waited < 5_000; waited += 20) await sleep(20)
    expect(lastLogged()).toEqual({
      status: '200',
      path: '/v1/private',
      resource: '/v1/private',
      agent: 'say "hi"',
      account: 'alice',
      statuses: '200 200',
      length: 4,
      error: '-',
    })
  })

  test('lets other routes answer first', async () => {
    expect(await send('GET', '/extra')).toMatchObject({ status: 200, text: 'extra' })
  })

  test.each([
    ['what is no HTTP', 'nonsense\r\n\r\n', /^HTTP\/1.1 400 /],
    ['headers beyond the limit', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(11_000)}\r\n\r\n`, /^HTTP\/1.1 400 /],
    ['a request without a host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', /^HTTP\/1.1 400 /],
    ['a tunnel', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', /^HTTP\/1.1 400 /],
  ])('refuses %s, as the template says', async (_what, bytes, expected) => {
    const text = await raw(bytes)
    expect(text).toMatch(expected)
    expect(text).toMatch(/content-type: application\/problem\+json/i)
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      type: 'DEFAULT_4XX',
      request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    })
  })

  test('survives a client that leaves in the middle', async () => {
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1')
    socket.write('POST /v1/orders HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf')
    await sleep(30)
    socket.destroy()
    handler = () => sleep(50, { statusCode: 200, body: 'late' })
    const leaving = request(`${gateway.url}/v1/logo`)
    leaving.on('error', () => undefined)
    leaving.end()
    await sleep(20)
    leaving.destroy()
    await sleep(60)
    handler = echo
    expect((await send('GET', '/')).status).toBe(200)
    expect(s.complaints.filter(complaint => /closed|aborted|EPIPE|RESET/.test(complaint))).toEqual([])
  })

  test('says that its port is taken', async () => {
    const port = Number(new URL(gateway.url).port)
    await expect(startApiGateway(s, invoke, { port, extraRoutes: [] })).rejects.toThrow(`port ${port} is taken`)
  })

  test('stops promptly, whoever is connected', async () => {
    const other = await startApiGateway(s, invoke, { port: 0, extraRoutes: [] })
    let answer = (): void => undefined
    const asked = new Promise<void>(isAsked => {
      handler = () => {
        isAsked()
        return new Promise(resolve => {
          answer = () => resolve({ statusCode: 200, body: '' })
        })
      }
    })
    const pending = fetch(other.url).then(
      response => response.status,
      () => 'cut',
    )
    const idle = connect(Number(new URL(other.url).port), '127.0.0.1')
    // A server that stops may well reset it.
    idle.on('error', () => undefined)
    await asked
    const since = performance.now()
    const stopped = other.stop()
    answer()
    await stopped
    expect(performance.now() - since).toBeLessThan(1_000)
    expect(await pending).toBe(200)
    idle.destroy()
  })
})

test('an unsupported method stops the start by name', async () => {
  const other = { ...s, resources: [...s.resources] }
  const iam = { HttpMethod: 'GET', ResourceId: 'orders', AuthorizationType: 'AWS_IAM', Integration: {} }
  other.resources.push(resourceOf('AWS::ApiGateway::Method', 'IamMethod', iam))
  await expect(startApiGateway(other, invoke, { port: 0, extraRoutes: [] })).rejects.toThrow(
    /IamMethod.*AuthorizationType/,
  )
})

function raw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1', () => socket.write(bytes))
    socket.on('data', data => {
      text += String(data)
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
}
