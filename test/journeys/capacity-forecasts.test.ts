import { beforeAll, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

const policies = z.array(z.object({ last_run: z.record(z.string(), z.unknown()).nullable() }))
const index = {
  unit: 'USD per unit-hour',
  description: 'of the journey of forecasts',
  sources: ['broker', 'cloud'].map(source => ({ source, weight: '1' })),
  fixing_interval_ms: 3_600_000,
  stale_after_ms: 3_600_000,
  outlier: '0.5',
  trim: '0',
  least_sources: 2,
  decimals: 4,
  fallback: 'none',
  fallback_after_ms: 0,
  fallback_max_age_ms: 0,
}
const auctioned = {
  tick_size: '0.01',
  min_trade_amount: '1',
  max_price: '10',
  maker_commission: '0.0002',
  taker_commission: '0.0005',
  penalty_ppm: 100_000,
  expires_before_ms: 900_000,
  gate_opens_before_ms: 3 * 86_400_000,
  gate_closes_before_ms: 43_200_000,
}

let exchange: RunningExchange
let operator: ExchangeClient
let trader: ExchangeClient

const hour = 3_600_000
const resource = { resource_class: 'FORECAST', region: 'USE' }
const endMillis = Math.floor(Date.now() / hour) * hour
const wave = (at: number): number => Math.sin((2 * Math.PI * at) / 24) + (at % 7) / 10

beforeAll(async () => {
  exchange = await runningExchange()
  operator = await exchange.as('operator', 'market_operator')
  trader = await exchange.as('t-forecast')
})

const tell = (measure: string, value: (at: number) => number, hours = 400) =>
  patiently(() =>
    operator.call('POST', '/api/v1/capacity/observations', {
      ...resource,
      measure,
      start: new Date(endMillis - hours * hour).toISOString(),
      values: Array.from({ length: hours }, (_, at) => value(at).toFixed(3)),
    }),
  )
/** Asked again where something was too busy to answer in time, as the answer says. */
const patiently = (ask: () => Promise<Answer>): Promise<Answer> =>
  eventually(ask, ({ status, body }) => status < 500 || body['retry'] !== true, 60_000)
const forecast = (query: string) => patiently(() => trader.call('GET', `/api/v1/capacity/forecast?${query}`))

describe('forecasts of capacity', () => {
  test('follow from observations that were told, with intervals and the error beside seasonal-naive', async () => {
    expect(await tell('demand', at => 100 + 40 * wave(at))).toMatchObject({ status: 200, body: { hours: 400 } })
    const { status, body } = await forecast('resource_class=FORECAST&region=USE&measure=demand')
    expect({ status, body }).toMatchObject({ status: 200, body: { source: 'observations', origins: 13 } })
    expect(body['data']).toHaveLength(24)
    expect(body['mase']).toBeLessThan(Number(body['seasonal_naive_mase']))
  })

  test('say how much history is missing, whatever they would be made of', async () => {
    for (const measure of ['price', 'demand'])
      expect(await forecast(`resource_class=H100&region=USE&measure=${measure}&horizon=48`)).toMatchObject({
        status: 409,
        body: { code: 'forecast-history-too-short', needed_hours: 120 },
      })
    expect(await forecast('resource_class=TAPE&region=USE&measure=price')).toMatchObject({
      status: 422,
      body: { code: 'unknown-resource' },
    })
  })

  test('make the bids of a procurement policy, within its budget', async () => {
    await tell('price', at => 2 + 0.3 * wave(at))
    const preview = (budget: string) =>
      patiently(() =>
        trader.call('POST', '/api/v1/capacity/procurement/preview', { ...resource, budget, max_price: '4' }),
      )
    const { status, body } = await preview('100000')
    expect({ status, body }).toMatchObject({ status: 200, body: { budget: '100000', units_beyond_budget: 0 } })
    expect(body['bids']).toHaveLength(24)
    const less = await preview('1000')
    expect(Number(less.body['cost'])).toBeLessThanOrEqual(1_000)
    expect(Number(less.body['cost'])).toBeGreaterThan(990)
    expect(Number(less.body['units'])).toBeLessThan(Number(body['units']))
  })

  test('which the policy places by itself once a gate is open', async () => {
    const market = `${resource.resource_class}.${resource.region}`
    const buyer = await exchange.trader('t-procures', '5000')
    const put = async (path: string, body: unknown, client = operator) => {
      const answer = await patiently(() =>
        client.call('PUT', path, body, { prefer: 'wait=10', 'idempotency-key': `procures-${path.length}` }),
      )
      expect(answer).toMatchObject({ status: 200 })
      return answer.body
    }
    await put(`/api/v1/indices/${market}`, index)
    await put(`/api/v1/compute-futures/markets/${market}`, auctioned)
    const date = new Date(Date.now() + 6 * 24 * hour).toISOString().slice(0, 10)
    await put(`/api/v1/compute-futures/day-ahead/gates/${date}`, { gate_state: 'open' })
    const policy = `/api/v1/capacity/procurement/policies/${market}`
    expect(await put(policy, { mode: 'live', budget: '500', max_price: '4' }, buyer)).toMatchObject({ last_run: null })
    const run = async () => {
      const { body } = await buyer.call('GET', '/api/v1/capacity/procurement/policies')
      const [{ last_run } = { last_run: null }] = policies.parse(body['data'])
      return last_run
    }
    const placed = await eventually(run, told => told?.['result'] === 'placed', 200_000)
    // The first of those that are auctioned, which may have been open before.
    expect(placed?.['reason']).toBeNull()
    expect(String(placed?.['delivery_date']) <= date).toBe(true)
    expect(Number(placed?.['cost'])).toBeGreaterThan(490)
    const bid = await buyer.call('GET', `/api/v1/compute-futures/day-ahead/bids/${String(placed?.['bid_id'])}`)
    expect(bid.body).toMatchObject({
      delivery_date: placed?.['delivery_date'],
      direction: 'buy',
      bid_state: 'accepted',
    })
    expect(Number(bid.body['held'])).toBeLessThanOrEqual(500)
    expect(await put(policy, { mode: 'off', budget: '500' }, buyer)).toMatchObject({ mode: 'off', version: 2 })
  }, 300_000)

  test('and what comes nearest to a resource is found among offers and markets', async () => {
    const { status, body } = await trader.call(
      'GET',
      '/api/v1/capacity/substitutes?resource_class=H200&region=USE&price=3&limit=5&weight_price=2',
    )
    expect({ status, body }).toMatchObject({ status: 200, body: { price: '3' } })
    const found = body['data'] as readonly { readonly distance: number }[]
    expect(found.map(({ distance }) => distance)).toEqual(
      found.map(({ distance }) => distance).toSorted((a, b) => a - b),
    )
  })
})
