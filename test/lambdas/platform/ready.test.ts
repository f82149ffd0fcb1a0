import { DescribeStreamSummaryCommand, KinesisClient } from '@aws-sdk/client-kinesis'
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { mockClient } from 'aws-sdk-client-mock'
import { projectors } from '#protocol/functions.ts'
import { platformOperations } from '#protocol/operations/platform.ts'
import { executionStreamEnvironmentVariable, orderStreamEnvironmentVariable } from '#protocol/streams.ts'
import { requests } from '#test/support/http-requests.ts'
import { figuresItem, leaseItem, matcherFigures, replicaItem, watermarkItem } from '#test/support/matcher-figures.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

const lanes = [1, 2]
process.env['LANES'] = lanes.join(',')
for (const lane of lanes) {
  process.env[orderStreamEnvironmentVariable(lane)] = `orders-${lane}`
  process.env[executionStreamEnvironmentVariable(lane)] = `executions-${lane}`
}
const tables = mockTables()
const kinesis = mockClient(KinesisClient)
const { handler } = await import('#lambdas/platform/http.ts')
const send = requests(handler, platformOperations)

const streams = new Map<string, string>()
/** What is silent for twenty seconds is so however long the test is kept from going on. */
const nowMillis = Date.parse('2026-11-23T10:00:00Z')

const spoken = (lane: number, silentMillis = 0): void =>
  tables.seed(
    'lanes',
    figuresItem(matcherFigures(lane)),
    leaseItem(lane, { at_millis: nowMillis - silentMillis }),
    replicaItem(lane, 'host/7/name/0', 'leader'),
    replicaItem(lane, 'host/8/name/0', 'standby'),
    replicaItem(lane, 'host/6/name/0', 'standby', { at_millis: nowMillis - 60_000 }),
  )
const projected = (lane: number, outSeq: number): void => {
  for (const projector of projectors) tables.seed('lanes', watermarkItem(lane, projector, outSeq))
}

beforeEach(() => {
  jest.spyOn(Date, 'now').mockReturnValue(nowMillis)
  tables.reset()
  streams.clear()
  kinesis.reset()
  kinesis.on(DescribeStreamSummaryCommand).callsFake(async input => ({
    StreamDescriptionSummary: { StreamStatus: streams.get(input.StreamName) ?? 'ACTIVE' },
  }))
  for (const lane of lanes) {
    spoken(lane)
    projected(lane, 500)
  }
})
afterEach(() => {
  jest.restoreAllMocks()
})

const ask = async () => {
  const { status, body } = await send('ready', { as: null })
  const dependencies: Record<string, { up: boolean; detail?: string }> = Object.assign({}, body['dependencies'])
  const down = Object.fromEntries(
    Object.entries(dependencies)
      .filter(([, { up }]) => !up)
      .map(([name, { detail }]) => [name, detail]),
  )
  return { status, body, dependencies, down }
}

test('all that an order needs is up', async () => {
  const { status, body, dependencies } = await ask()
  expect(status).toBe(200)
  expect(body['ready']).toBe(true)
  expect(body['lanes']).toEqual(
    lanes.map(lane => ({
      lane,
      epoch: 3,
      leader: 'host/7/name/0',
      replicas: expect.arrayContaining([
        { owner: 'host/7/name/0', role: 'leader', out_seq: 500, behind_ms: 3 },
        { owner: 'host/8/name/0', role: 'standby', out_seq: 500, behind_ms: 250 },
      ]),
    })),
  )
  expect(Object.keys(dependencies).sort()).toEqual([
    'execution-stream-1',
    'execution-stream-2',
    'matcher-1',
    'matcher-2',
    'order-stream-1',
    'order-stream-2',
    ...projectors.flatMap(name => lanes.map(lane => `${name}-${lane}`)).sort(),
    'table-accounts',
    'table-commands',
    'table-instruments',
    'table-lanes',
    'table-orders',
    'table-outcomes',
  ])
})

test('a matcher that is silent, or has never spoken, is down', async () => {
  spoken(1, 20_000)
  const { status, body, down } = await ask()
  expect(status).toBe(503)
  expect(body).toMatchObject({ code: 'dependency-unavailable', ready: false, detail: 'Down: matcher-1.' })
  expect(down).toEqual({ 'matcher-1': 'last spoke 20 s ago' })
  tables.reset()
  for (const lane of lanes) projected(lane, 500)
  expect((await ask()).down).toEqual({ 'matcher-1': 'has not spoken yet', 'matcher-2': 'has not spoken yet' })
})

test('a lane that is halted is down, with the reason', async () => {
  tables.seed('lanes', leaseItem(2, { halted: 'divergence: two minds' }))
  const { status, body, down } = await ask()
  expect(status).toBe(503)
  expect(down).toEqual({ 'matcher-2': 'is halted: divergence: two minds' })
  expect(body['lanes']).toMatchObject([{ lane: 1 }, { lane: 2, halted: 'divergence: two minds' }])
})

test('a stream that is going or gone is down', async () => {
  streams.set('orders-2', 'DELETING')
  streams.set('executions-1', 'UPDATING')
  expect((await ask()).down).toEqual({ 'order-stream-2': 'is deleting' })
  kinesis.reset()
  kinesis.onAnyCommand().rejects(new Error('secret address'))
  const { status, down, body } = await ask()
  expect(status).toBe(503)
  expect(Object.values(down)).toEqual(Array.from({ length: 4 }, () => 'does not answer'))
  expect(JSON.stringify(body)).not.toContain('secret')
})

test('a projector is down once it has stood still behind the matcher for half a minute', async () => {
  projected(1, 400)
  const now = jest.spyOn(performance, 'now')
  const start = performance.now()
  now.mockReturnValue(start)
  expect((await ask()).status).toBe(200)
  now.mockReturnValue(start + 29_000)
  expect((await ask()).status).toBe(200)
  tables.seed('lanes', watermarkItem(1, 'project-orders', 401))
  now.mockReturnValue(start + 31_000)
  const { status, down } = await ask()
  expect(status).toBe(503)
  expect(down).toEqual(
    Object.fromEntries(
      projectors
        .filter(name => name !== 'project-orders')
        .map(name => [`${name}-1`, '100 events behind, and not moving for 31 s']),
    ),
  )
  projected(1, 500)
  expect((await ask()).status).toBe(200)
})

test('what does not answer within two seconds is down, and the rest is told', async () => {
  kinesis.on(DescribeStreamSummaryCommand, { StreamName: 'orders-1' }).callsFake(() => new Promise(() => undefined))
  const start = performance.now()
  const { status, down } = await ask()
  expect(performance.now() - start).toBeLessThan(4_000)
  expect(status).toBe(503)
  expect(down).toEqual({ 'order-stream-1': 'no answer within 2 s' })
})

test('tables that are away are named', async () => {
  tables.fail(new Error('connect ECONNREFUSED'))
  const { status, down } = await ask()
  expect(status).toBe(503)
  expect(down).toMatchObject({ 'table-orders': 'does not answer', 'matcher-1': 'does not answer' })
})
