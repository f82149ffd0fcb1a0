import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { putObservations } from '#adapters/tables/capacity-observations.ts'
import { capacityForecastOperations } from '#protocol/operations/capacity-forecasts.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/capacity/http.ts')
const send = requests(handler, capacityForecastOperations)

const hour = 3_600_000
const thisHour = Date.parse('2026-11-20T10:00:00.000Z')
jest.spyOn(Date, 'now').mockReturnValue(thisHour + 1_000)

const tell = (measure: string, value: (at: number) => number, hours = 300) =>
  putObservations(
    { measure, resourceClass: 'H100', region: 'USE' },
    thisHour - hours * hour,
    Array.from({ length: hours }, (_, at) => Math.round(value(at) * 1e6)),
  )
beforeEach(() => floor.reset())

const ask = (body: object = {}) =>
  send('preview-procurement', { body: { resource_class: 'H100', region: 'USE', budget: '100000', ...body } })

interface Bid {
  readonly start: string
  readonly steps: readonly { readonly price: string; readonly amount: number }[]
}

describe('a preview of procurement', () => {
  test('bids for each hour of tomorrow within the budget, from both forecasts', async () => {
    await tell('demand', at => 50 + 10 * Math.sin(at / 3.82) + (at % 7))
    await tell('price', at => 2 + 0.5 * Math.sin(at / 3.82) + (at % 5) / 50)
    const { status, body } = await ask()
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        delivery_date: '2026-11-21',
        units_beyond_budget: 0,
        demand: { source: 'observations', history_hours: 300 },
        price: { source: 'observations' },
      },
    })
    const bids = body['bids'] as readonly Bid[]
    expect(bids.map(({ start }) => start)).toEqual(
      Array.from({ length: 24 }, (_, at) => new Date(Date.parse('2026-11-21T00:00:00Z') + at * hour).toISOString()),
    )
    const cost = (some: readonly Bid[]) =>
      some.flatMap(({ steps }) => steps).reduce((sum, { price, amount }) => sum + Number(price) * amount, 0)
    expect(Number(body['cost'])).toBeCloseTo(cost(bids), 6)
    for (const { steps } of bids) {
      expect(steps.map(({ price }) => Number(price))).toEqual(
        steps.map(({ price }) => Number(price)).toSorted((a, b) => b - a),
      )
      const units = steps.reduce((sum, { amount }) => sum + amount, 0)
      expect(units).toBeGreaterThan(35)
      expect(units).toBeLessThan(90)
    }
    const less = await ask({ budget: '1000' })
    expect(Number(less.body['cost'])).toBeLessThanOrEqual(1_000)
    expect(Number(less.body['cost'])).toBeGreaterThan(990)
    expect(Number(less.body['units']) + Number(less.body['units_beyond_budget'])).toBe(body['units'])
  })

  test('what is covered, a highest price and a highest amount are kept', async () => {
    await tell('demand', () => 50)
    await tell('price', () => 2)
    const steps = async (body: object) => ((await ask(body)).body['bids'] as readonly Bid[])[0]?.steps
    expect(await steps({})).toEqual([{ price: '2', amount: 50 }])
    expect(await steps({ covered_units: 30, max_price: '1.5004', max_units: 15 })).toEqual([
      { price: '1.5', amount: 15 },
    ])
    expect(await steps({ covered_units: 60 })).toBeUndefined()
    expect(await steps({ budget: '0' })).toBeUndefined()
  })

  test('takes both histories', async () => {
    expect((await ask()).body).toMatchObject({ code: 'unknown-resource' })
    await tell('demand', () => 50)
    expect((await ask()).body).toMatchObject({ code: 'unknown-resource' })
    await tell('price', () => 2, 50)
    // 38 hours ahead: to the end of tomorrow.
    expect((await ask()).body).toMatchObject({
      code: 'forecast-history-too-short',
      history_hours: 50,
      needed_hours: 110,
    })
  })

  test.each([{ budget: '-1' }, { budget: 'NaN' }, { max_price: '0' }, { covered_units: -1 }, { max_units: 0.5 }])(
    '%j is no request',
    async body => {
      expect((await ask(body)).body).toMatchObject({ status: 400, code: 'invalid-request' })
    },
  )
})
