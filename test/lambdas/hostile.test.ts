import { describe, expect, test } from '@jest/globals'
import { rejectionCodes } from '#domain/outcome.ts'
import { codesOf } from '#protocol/openapi.ts'
import type { Operation } from '#protocol/operation.ts'
import { operations } from '#protocol/operations/registry.ts'
import { placeOrder } from '#protocol/operations/trading.ts'
import type { ProblemCode } from '#protocol/problems.ts'
import { type HostileRequest, hostileRequests, validRequest } from '#test/support/hostile-requests.ts'
import { type Answered, proxyEvent, requestId } from '#test/support/http-requests.ts'
import { openWholeApi } from '#test/support/whole-api.ts'

/** Every operation of the registry against everything that it may not take, through the real handlers. */

const api = openWholeApi()

/** What is wrong with a refusal, in words. */
const faultsOf = (
  operation: Operation,
  request: Pick<HostileRequest, 'codes' | 'pointer'>,
  answered: Answered,
): string[] => {
  const { status, headers, body, text } = answered
  const code = String(body['code'])
  const declared: readonly string[] = [...codesOf(operation), ...rejectionCodes, 'method-not-allowed']
  const wanted: readonly string[] = request.codes
  const errors: readonly { pointer: string; detail: string }[] = Array.isArray(body['errors']) ? body['errors'] : []
  const pointed = ({ pointer }: { pointer: string }) =>
    pointer === request.pointer || pointer.startsWith(`${request.pointer}/`)
  return [
    ...(status >= 400 && status < 500 ? [] : [`status ${status}`]),
    ...(wanted.includes(code) ? [] : [`code ${code}`]),
    ...(declared.includes(code) ? [] : [`undeclared code ${code}`]),
    ...(headers['content-type'] === 'application/problem+json' ? [] : [`type ${headers['content-type']}`]),
    ...(body['request_id'] === requestId && headers['x-request-id'] === requestId ? [] : ['no request id']),
    ...(body['type'] === `/docs#${code}` && body['status'] === status ? [] : ['type or status differ']),
    ...(request.pointer === undefined || errors.some(pointed) ? [] : [`errors ${JSON.stringify(errors)}`]),
    ...(errors.every(({ detail }) => detail !== '' && detail.length < 300)
      ? []
      : ['a fault without a word, or with many']),
    ...(text.length < 8_192 ? [] : [`${text.length} characters of answer`]),
    ...(headers['location'] === undefined ? [] : ['a redirect']),
  ]
}

/** A batch of one order that has the form: its result stands for the answer, as if it had been placed alone. */
const alone = (operation: Operation, answered: Answered): readonly [Operation, Answered] => {
  const results = operation.name === 'submit-batch' ? answered.body['results'] : undefined
  const [result]: readonly { problem: Answered['body'] | null }[] = Array.isArray(results) ? results : []
  if (result === undefined || result.problem === null) return [operation, answered]
  const { location: _, ...headers } = answered.headers
  return [
    placeOrder,
    {
      status: Number(result.problem['status']),
      headers: { ...headers, 'content-type': 'application/problem+json' },
      text: JSON.stringify(result.problem),
      body: result.problem,
    },
  ]
}

const refusals: readonly ProblemCode[] = [
  'malformed-json',
  'invalid-request',
  'invalid-cursor',
  'unsupported-media-type',
  'payload-too-large',
  'idempotency-key-required',
  'unauthorized',
  'forbidden',
  'rate-limited',
  'not-found',
  'method-not-allowed',
]

/** Bad requests of each operation: so many were sent that none is empty by mistake. */
const counts = new Map<string, number>()
const leastOfEach = 100

describe.each(operations.map(operation => [operation.name, operation] as const))('%s', (name, operation) => {
  test('takes a valid request', async () => {
    api.reset()
    const { status, body, text } = await api.send(operation, validRequest(operation, api.knownTo(operation)))
    // What lies behind the platform's own operations is not here: that they get to ask for it is enough.
    const taken = operation.context === 'platform' ? !refusals.some(code => code === body['code']) : status < 300
    expect([text, taken]).toEqual([text, true])
  })

  test('refuses every bad request, and leaves no trace of it', async () => {
    api.reset()
    const requests = hostileRequests(operation, api.knownTo(operation))
    const faults: string[] = []
    for (const request of requests) {
      const [asked, answered] = alone(operation, await api.send(operation, request))
      for (const fault of faultsOf(asked, request, answered)) faults.push(`${request.name}: ${fault}`)
    }
    expect(faults).toEqual([])
    expect(api.traces()).toEqual([])
    counts.set(name, requests.length)
  })
})

test('nobody, and whoever the authorizer has not told of in full, is 401', async () => {
  api.reset()
  for (const operation of operations.filter(({ permission }) => permission !== 'public')) {
    const { body: _, ...given } = validRequest(operation, api.knownTo(operation))
    for (const authorizer of [
      undefined,
      null,
      {},
      [],
      'acme',
      { principalId: 'acme' },
      { account: 'acme', role: 'emperor', credential: 'x' },
      { account: '', role: 'trader', credential: 'x' },
      { account: 7, role: 'trader', credential: 'x' },
      { account: 'acme', role: 'trader' },
      { account: 'acme', role: '__proto__', credential: 'x' },
      { account: 'acme', role: ['trader'], credential: 'x' },
    ]) {
      const event = proxyEvent(operation.method, operation.path, { ...given, as: null })
      const requestContext = { ...event.requestContext, authorizer: JSON.parse(JSON.stringify(authorizer ?? null)) }
      const answered = await api.deliver(operation, { ...event, requestContext })
      expect([operation.name, authorizer, faultsOf(operation, { codes: ['unauthorized'] }, answered)]).toEqual([
        operation.name,
        authorizer,
        [],
      ])
      expect(answered.headers['www-authenticate']).toBe('Bearer')
    }
  }
  expect(api.traces()).toEqual([])
})

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'get']

test('any other method of a known path is 405, and told which there are', async () => {
  api.reset()
  for (const [path, known] of Map.groupBy(operations, operation => operation.path)) {
    // One function answers a path: it alone knows which methods there are.
    expect([path, new Set(known.map(({ context }) => context)).size]).toEqual([path, 1])
    const allowed: readonly string[] = known.map(({ method }) => method)
    const [first] = known
    if (first === undefined) continue
    for (const method of methods.filter(each => !allowed.includes(each))) {
      const { status, headers, body } = await api.deliver(first, proxyEvent(method, path, { as: null, body: {} }))
      expect([path, method, status, body['code'], headers['allow']]).toEqual([
        path,
        method,
        405,
        'method-not-allowed',
        allowed.join(', '),
      ])
      expect(headers['content-type']).toBe('application/problem+json')
      expect(body['request_id']).toBe(requestId)
    }
  }
  expect(api.traces()).toEqual([])
})

test('each operation was tried, many times', () => {
  expect([...counts.keys()]).toEqual(operations.map(({ name }) => name))
  expect([...counts].filter(([, count]) => count < leastOfEach)).toEqual([])
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  process.stdout.write(
    `hostile requests: ${total} (${[...counts].map(([name, count]) => `${name} ${count}`).join(', ')})\n`,
  )
})
