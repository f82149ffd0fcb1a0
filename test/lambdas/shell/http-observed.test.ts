import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import type { Handle } from '#lambdas/shell/http.ts'
import { operation } from '#protocol/operation.ts'
import { lambdaContext, proxyEvent, requestId } from '#test/support/http-requests.ts'

process.env['POWERTOOLS_LOG_LEVEL'] = 'INFO'
process.env['POWERTOOLS_METRICS_DISABLED'] = 'false'
process.env['POWERTOOLS_METRICS_NAMESPACE'] = 'ComputeExchange'
process.env['POWERTOOLS_SERVICE_NAME'] = 'platform'
const { serve } = await import('#lambdas/shell/serve.ts')

const look = operation({
  context: 'platform',
  name: 'look',
  method: 'GET',
  path: '/look',
  permission: 'public',
  summary: 'Look',
  request: {},
  responses: { 200: { description: 'Seen', mediaType: 'text/plain' } },
  rejections: [],
})
let failure: Error | undefined
const lookAround: Handle<typeof look> = async () => {
  if (failure !== undefined) throw failure
  return { status: 200, body: 'seen' }
}
const handler = serve('platform', [look], { look: lookAround })

/** POWERTOOLS_DEV makes Powertools speak through the global console. */
let lines: Record<string, unknown>[] = []
beforeEach(() => {
  lines = []
  failure = undefined
  for (const level of ['log', 'info', 'warn', 'error'] as const)
    jest.spyOn(console, level).mockImplementation((line: unknown) => {
      lines.push(JSON.parse(String(line)))
    })
})
afterEach(() => {
  jest.restoreAllMocks()
})

const metricLines = () => lines.filter(line => '_aws' in line && !('Problems' in line))
const problemLines = () => lines.filter(line => 'Problems' in line)
const logLines = () => lines.filter(line => !('_aws' in line))

test('a request is one metric line, with its context, operation and outcome', async () => {
  await handler(proxyEvent('GET', '/look', {}), lambdaContext)
  await handler(proxyEvent('GET', '/look', { query: { a: '1' } }), lambdaContext)
  expect(metricLines()).toHaveLength(2)
  const [answered, refused] = metricLines()
  expect(answered).toMatchObject({
    context: 'platform',
    operation: 'look',
    outcome: 'answered',
    status: '200',
    request_id: requestId,
    Latency: expect.any(Number),
    Refused: 0,
    Failed: 0,
  })
  expect(refused).toMatchObject({ operation: 'look', outcome: 'invalid-request', status: '400', Refused: 1, Failed: 0 })
})

test('a problem is one more line, with its context and code and nothing of the request', async () => {
  await handler(proxyEvent('GET', '/look', {}), lambdaContext)
  expect(problemLines()).toEqual([])
  await handler(proxyEvent('GET', '/look', { query: { a: '1' } }), lambdaContext)
  failure = new Error('what happened')
  await handler(proxyEvent('GET', '/look', {}), lambdaContext)
  expect(problemLines()).toMatchObject([
    { service: 'platform', context: 'platform', code: 'invalid-request', Problems: 1 },
    { service: 'platform', context: 'platform', code: 'internal-error', Problems: 1 },
  ])
  for (const line of problemLines()) expect(line).not.toHaveProperty('request_id')
})

test('an error is logged once, with its cause and the request’s id, and counted', async () => {
  failure = new Error('what happened', { cause: new Error('and why') })
  await handler(proxyEvent('GET', '/look', {}), lambdaContext)
  expect(metricLines()).toMatchObject([{ outcome: 'internal-error', Failed: 1, Refused: 0 }])
  expect(logLines()).toMatchObject([
    {
      level: 'ERROR',
      request_id: requestId,
      path: '/look',
      error: { message: 'what happened', cause: { message: 'and why' } },
    },
  ])
})

test('no key of a request is left for the next', async () => {
  await handler(proxyEvent('GET', '/nowhere', {}), lambdaContext)
  failure = new Error('later')
  const other = proxyEvent('GET', '/look', {})
  await handler({ ...other, requestContext: { ...other.requestContext, requestId: 'another' } }, lambdaContext)
  expect(logLines().map(line => line['request_id'])).toEqual([requestId, 'another'])
  expect(metricLines().map(line => line['operation'])).toEqual(['none', 'look'])
})
