import { beforeEach, expect, test } from '@jest/globals'
import { platformOperations } from '#protocol/operations/platform.ts'
import { requests } from '#test/support/http-requests.ts'
import { figuresItem, matcherFigures, replicaItem, watermarkItem } from '#test/support/matcher-figures.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

process.env['LANES'] = '1,2'
const tables = mockTables()
const { handler } = await import('#lambdas/platform/http.ts')
const send = requests(handler, platformOperations)

beforeEach(() => {
  tables.reset()
})

const scrape = async (): Promise<readonly string[]> => {
  const answer = await send('metrics', { as: null })
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4')
  return answer.text.split('\n')
}

test('the lanes’ figures, as Prometheus reads them', async () => {
  tables.seed('lanes', figuresItem(matcherFigures(1)), figuresItem(matcherFigures(2, { orders: 7, rejections: {} })))
  tables.seed('lanes', replicaItem(1, 'a', 'leader'), replicaItem(1, 'b', 'standby'))
  tables.seed('lanes', watermarkItem(1, 'project-orders', 480), watermarkItem(1, 'project-positions', 520))
  const lines = await scrape()
  for (const line of [
    '# TYPE compute_exchange_orders_total counter',
    'compute_exchange_orders_total{lane="1"} 120',
    'compute_exchange_orders_total{lane="2"} 7',
    'compute_exchange_rejections_total{lane="1",code="insufficient-funds"} 4',
    'compute_exchange_rejections_total{lane="1",code="no-liquidity"} 1',
    'compute_exchange_trades_total{lane="1"} 40',
    'compute_exchange_out_sequence{lane="1"} 500',
    'compute_exchange_lag_seconds{lane="1"} 0.012',
    '# TYPE compute_exchange_latency_seconds histogram',
    'compute_exchange_latency_seconds_bucket{lane="1",le="0.001"} 1',
    'compute_exchange_latency_seconds_bucket{lane="1",le="0.002"} 3',
    'compute_exchange_latency_seconds_bucket{lane="1",le="0.005"} 6',
    'compute_exchange_latency_seconds_bucket{lane="1",le="60"} 6',
    'compute_exchange_latency_seconds_bucket{lane="1",le="+Inf"} 6',
    'compute_exchange_latency_seconds_sum{lane="1"} 0.009',
    'compute_exchange_latency_seconds_count{lane="1"} 6',
    'compute_exchange_engine_seconds_bucket{lane="1",le="5e-7"} 100',
    'compute_exchange_event_loop_delay_seconds{lane="1",quantile="0.99"} 0.002',
    'compute_exchange_projector_lag_events{lane="1",projector="project-orders"} 20',
    'compute_exchange_projector_lag_events{lane="1",projector="project-positions"} 0',
    'compute_exchange_projector_lag_events{lane="1",projector="project-instruments"} 500',
  ])
    expect(lines).toContain(line)
})

test('every line is of the text format, and each family is told once', async () => {
  tables.seed('lanes', figuresItem(matcherFigures(1)), figuresItem(matcherFigures(2)))
  const lines = (await scrape()).filter(line => line !== '')
  const sample = /^[a-z_]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? (?:[0-9.e+-]+|\+Inf|NaN)$/
  expect(lines.filter(line => !line.startsWith('#') && !sample.test(line))).toEqual([])
  const types = lines.filter(line => line.startsWith('# TYPE'))
  expect(new Set(types).size).toBe(types.length)
  expect(types.length).toBeGreaterThan(15)
  expect(lines.every(line => line.startsWith('#') || line.startsWith('compute_exchange_'))).toBe(true)
})

test('before a matcher has spoken there is nothing to tell', async () => {
  expect((await scrape()).filter(line => line !== '')).toEqual([])
})

test('the table being away is 503', async () => {
  tables.fail(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
  expect(await send('metrics', { as: null })).toMatchObject({ status: 503, body: { code: 'dependency-unavailable' } })
})
