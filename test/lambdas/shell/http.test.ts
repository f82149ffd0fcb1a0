import { TransactionCanceledException } from '@aws-sdk/client-dynamodb'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import * as z from 'zod'
import type { Handle, Request } from '#lambdas/shell/http.ts'
import { type Operation, operation } from '#protocol/operation.ts'
import { answerOf, lambdaContext, proxyEvent, requestId, requests } from '#test/support/http-requests.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

// Rate limits.
mockTables()
const { serve } = await import('#lambdas/shell/serve.ts')

const thing = z.object({ name: z.string() })
const make = operation({
  context: 'trading',
  name: 'make-thing',
  method: 'POST',
  path: '/things/{group}',
  permission: 'orders:write',
  summary: 'Make a thing',
  request: {
    path: z.strictObject({ group: z.string().regex(/^[a-z]+$/, 'must be letters') }),
    query: z.strictObject({ limit: z.string().max(3).optional() }),
    body: z.strictObject({
      name: z.string(),
      size: z.number().int().default(1),
      'a/b~c': z.object({ list: z.array(z.number()) }).optional(),
    }),
  },
  responses: { 202: { description: 'Made', schema: thing } },
  rejections: ['order-closed'],
})
const look = operation({
  context: 'trading',
  name: 'look',
  method: 'GET',
  path: '/look',
  permission: 'public',
  summary: 'Look',
  request: {},
  responses: { 200: { description: 'Seen', mediaType: 'text/plain' } },
  rejections: [],
})
const named = operation({
  context: 'trading',
  name: 'make-named',
  method: 'PUT',
  path: '/named',
  permission: 'orders:write',
  summary: 'Make a thing by its name',
  idempotency: 'header',
  request: { body: z.strictObject({}) },
  responses: { 202: { description: 'Made', schema: thing } },
  rejections: ['idempotency-key-required'],
})
const operations: readonly Operation[] = [make, look, named]

let seen: Request<typeof make> | undefined
let failure: unknown

const makeThing: Handle<typeof make> = async request => {
  seen = request
  if (failure !== undefined) throw failure
  if (request.body.name === 'closed') return { code: 'order-closed', detail: 'It is.', headers: { 'x-own': 'yes' } }
  return { status: 202, body: { name: request.body.name }, headers: { location: '/things/1' } }
}
const lookAround: Handle<typeof look> = async ({ principal }) => ({ status: 200, body: `nobody but ${principal}` })
const makeNamed: Handle<typeof named> = async ({ idempotencyKey }) => ({ status: 202, body: { name: idempotencyKey } })
const handler = serve('trading', [make, look, named], {
  'make-thing': makeThing,
  look: lookAround,
  'make-named': makeNamed,
})
const send = requests(handler, operations)
const good = { path: { group: 'tools' }, body: { name: 'hammer' } }

beforeEach(() => {
  seen = undefined
  failure = undefined
})
afterEach(() => {
  jest.restoreAllMocks()
})

describe('an operation', () => {
  test('gets its request parsed, and its answer dressed', async () => {
    const answer = await send('make-thing', {
      ...good,
      query: { limit: '5' },
      headers: { 'X-Own': 'a', 'Idempotency-Key': 'k1' },
    })
    expect(answer.status).toBe(202)
    expect(answer.body).toEqual({ name: 'hammer' })
    expect(answer.headers).toEqual({
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
      'x-request-id': requestId,
      location: '/things/1',
      'ratelimit-limit': '1000000',
      'ratelimit-remaining': expect.any(String),
      'ratelimit-reset': expect.any(String),
    })
    expect(seen).toMatchObject({
      path: { group: 'tools' },
      query: { limit: '5' },
      body: { name: 'hammer', size: 1 },
      principal: { account: 'acme', role: 'trader', credential: 'acme' },
      idempotencyKey: 'k1',
      requestId,
    })
    expect(seen?.headers['x-own']).toBe('a')
  })

  test('answers text where it says so, to anybody where it is public', async () => {
    const answer = await send('look', { as: null })
    expect(answer).toMatchObject({ status: 200, text: 'nobody but undefined' })
    expect(answer.headers['content-type']).toBe('text/plain')
  })

  test('may say no with a code of its own', async () => {
    const answer = await send('make-thing', { ...good, body: { name: 'closed' } })
    expect(answer).toMatchObject({ status: 409, body: { code: 'order-closed', detail: 'It is.', retry: false } })
    expect(answer.headers['x-own']).toBe('yes')
  })

  test('is found by resource and method', async () => {
    const at = async (method: string, resource: string) =>
      answerOf(await handler(proxyEvent(method, resource, {}), lambdaContext))
    expect(await at('GET', '/nowhere')).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect(await at('DELETE', '/look')).toMatchObject({ status: 405, body: { code: 'method-not-allowed' } })
  })
})

describe('who asks', () => {
  test('nobody is refused', async () => {
    const answer = await send('make-thing', { ...good, as: null })
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
    expect(answer.headers['www-authenticate']).toBe('Bearer')
  })

  test('a role without the permission is refused, before anything is read', async () => {
    const answer = await send('make-thing', { path: { group: '!' }, body: '{', as: { role: 'auditor' } })
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(seen).toBeUndefined()
  })

  test.each([
    [{ account: 'acme', role: 'emperor', credential: 'x' }],
    [{ account: '', role: 'trader', credential: 'x' }],
    [{ account: 7, role: 'trader', credential: 'x' }],
    [{ account: 'acme', role: 'trader' }],
  ])('an authorizer that says %j is not believed', async authorizer => {
    const event = proxyEvent('POST', '/things/{group}', good)
    const answer = answerOf(
      await handler({ ...event, requestContext: { ...event.requestContext, authorizer } }, lambdaContext),
    )
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
  })
})

describe('what is asked', () => {
  const invalid = async (given: object) => {
    const answer = await send('make-thing', { ...good, ...given })
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
    expect(seen).toBeUndefined()
    const errors = answer.body['errors']
    return Array.isArray(errors) ? errors.map((error: { pointer: string }) => error.pointer) : []
  }

  test('every fault is named by a pointer', async () => {
    expect(await invalid({ body: {} })).toEqual(['#/name'])
    expect(await invalid({ body: { name: 1, size: 1.5, extra: 1 } })).toEqual(['#/name', '#/size', '#/extra'])
    expect(await invalid({ body: { name: 'a', 'a/b~c': { list: [1, 'x'] } } })).toEqual(['#/a~1b~0c/list/1'])
    expect(await invalid({ body: [] })).toEqual(['#'])
    expect(await invalid({ body: 'null' })).toEqual(['#'])
    expect(await invalid({ body: undefined })).toEqual(['#'])
    expect(await invalid({ path: { group: 'A1' } })).toEqual(['#/path/group'])
    expect(await invalid({ query: { limit: '1234' } })).toEqual(['#/query/limit'])
    expect(await invalid({ query: { limit: ['1', '2'] } })).toEqual(['#/query/limit'])
    expect(await invalid({ query: { other: '1' } })).toEqual(['#/query/other'])
    expect(await invalid({ headers: { 'Idempotency-Key': 'a b' } })).toEqual(['#/header/Idempotency-Key'])
  })

  test('at most twenty faults, and no long names, come back', async () => {
    const keys = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, 1]))
    expect(await invalid({ body: { name: 'a', ...keys } })).toHaveLength(20)
    const [pointer = ''] = await invalid({ body: { name: 'a', ['x'.repeat(5_000)]: 1 } })
    expect(pointer.length).toBeLessThan(100)
    expect(await invalid({ body: `{"name":"a","\\ud800":1}` })).toEqual(['#/%EF%BF%BD'])
  })

  test('a query or a body that an operation does not take is refused', async () => {
    expect(await send('look', { query: { a: '1' } })).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
    expect(await send('look', { body: {} })).toMatchObject({ status: 400, body: { errors: [{ pointer: '#' }] } })
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/json; charset=latin1',
    'application/json; charset=utf-8; charset=latin1',
    'application/json, application/json',
    '',
  ])('a body of type %j is refused', async type => {
    expect(await send('make-thing', { ...good, headers: { 'Content-Type': type } })).toMatchObject({
      status: 415,
      body: { code: 'unsupported-media-type' },
    })
  })

  test('compressed is refused', async () => {
    expect(await send('make-thing', { ...good, headers: { 'Content-Encoding': 'gzip' } })).toMatchObject({
      status: 415,
    })
  })

  test.each(['application/json', 'Application/JSON;charset=UTF-8', 'application/json ; charset="utf-8"'])(
    'a body of type %j is taken',
    async type => {
      expect(await send('make-thing', { ...good, headers: { 'Content-Type': type } })).toMatchObject({ status: 202 })
    },
  )

  test('64 KiB are taken, one byte more is not, however it is encoded', async () => {
    const sized = (bytes: number) => JSON.stringify({ name: 'ü'.repeat(10).padEnd(bytes - 21, 'x') })
    expect(Buffer.byteLength(sized(65_536))).toBe(65_536)
    for (const base64 of [false, true]) {
      expect(await send('make-thing', { ...good, body: sized(65_536), base64 })).toMatchObject({ status: 202 })
      expect(await send('make-thing', { ...good, body: sized(65_537), base64 })).toMatchObject({
        status: 413,
        body: { code: 'payload-too-large' },
      })
    }
  })

  test.each([
    '{',
    '{"name":NaN}',
    '{"name":"a","name":"b"}',
    '{"__proto__":{"name":"a"}}',
    '['.repeat(40) + ']'.repeat(40),
  ])('the body %j is refused as JSON', async body => {
    expect(await send('make-thing', { ...good, body })).toMatchObject({ status: 400, body: { code: 'malformed-json' } })
    expect(seen).toBeUndefined()
  })

  test('bytes that are no UTF-8 are refused', async () => {
    const event = proxyEvent('POST', '/things/{group}', good)
    const body = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]).toString('base64')
    expect(answerOf(await handler({ ...event, body, isBase64Encoded: true }, lambdaContext))).toMatchObject({
      status: 400,
      body: { code: 'malformed-json', detail: 'The body is not UTF-8.' },
    })
  })

  test('so is what the gateway has made of them, which may as well be said escaped', async () => {
    const headers = { 'content-type': 'application/json' }
    const body = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]).toString('utf8')
    expect(await send('make-thing', { ...good, headers, body })).toMatchObject({
      status: 400,
      body: { code: 'malformed-json', detail: expect.stringContaining('not UTF-8') },
    })
    expect(seen).toBeUndefined()
    expect(await send('make-thing', { ...good, headers, body: '{"name":"\\ufffd"}' })).toMatchObject({ status: 202 })
    expect(seen?.body.name).toBe('\ufffd')
  })

  test('a name is required where the operation says so', async () => {
    expect(await send('make-named', { body: {} })).toMatchObject({
      status: 400,
      body: { code: 'idempotency-key-required' },
    })
    expect(await send('make-named', { body: {}, headers: { 'idempotency-key': 'k1' } })).toMatchObject({
      status: 202,
      body: { name: 'k1' },
    })
  })
})

describe('what fails', () => {
  test('an error of ours is 500, and stays with us', async () => {
    failure = new Error('secret detail', { cause: new Error('secret cause') })
    const answer = await send('make-thing', good)
    expect(answer).toMatchObject({ status: 500, body: { code: 'internal-error', retry: true } })
    expect(answer.text).not.toContain('secret')
    failure = 'no error at all'
    expect(await send('make-thing', good)).toMatchObject({ status: 500, body: { code: 'internal-error' } })
  })

  test('a dependency that is away is 503, with a hint when to come back', async () => {
    failure = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' })
    const answer = await send('make-thing', good)
    expect(answer).toMatchObject({ status: 503, body: { code: 'dependency-unavailable', retry: true } })
    expect(answer.headers['retry-after']).toBe('1')
  })

  test('a transaction that others were in the way of is 409, and no failure of a store', async () => {
    const cancelled = (...codes: string[]) =>
      new TransactionCanceledException({
        message: 'Transaction cancelled',
        CancellationReasons: codes.map(Code => ({ Code })),
        $metadata: {},
      })
    failure = cancelled('None', 'TransactionConflict')
    expect(await send('make-thing', good)).toMatchObject({
      status: 409,
      body: { code: 'concurrent-change', retry: true },
    })
    failure = cancelled('ValidationError')
    expect(await send('make-thing', good)).toMatchObject({ status: 500, body: { code: 'internal-error' } })
  })

  test('what takes longer than the function may is 504', async () => {
    const never: Handle<typeof look> = () => new Promise(() => undefined)
    const slow = serve('trading', [look], { look: never })
    const context = { ...lambdaContext, getRemainingTimeInMillis: () => 30 }
    const answer = answerOf(await slow(proxyEvent('GET', '/look', {}), context))
    expect(answer).toMatchObject({ status: 504, body: { code: 'upstream-timeout' } })
  })
})
