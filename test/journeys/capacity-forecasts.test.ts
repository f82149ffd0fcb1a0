import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

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
