import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { listObservations } from '#adapters/tables/capacity-observations.ts'
import { capacityForecastOperations } from '#protocol/operations/capacity-forecasts.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/capacity/http.ts')
const send = requests(handler, capacityForecastOperations)

const hour = 3_600_000
const start = Date.parse('2026-11-19T22:00:00.000Z')
jest.spyOn(Date, 'now').mockReturnValue(Date.parse('2026-11-20T10:20:00.000Z'))

beforeEach(() => floor.reset())

const series = { measure: 'demand', resourceClass: 'H100', region: 'USE' }
const tell = (change: object = {}) =>
  send('record-capacity-observations', {
    as: { account: 'operator', role: 'market_operator' },
    body: {
      resource_class: 'H100',
      region: 'USE',
      measure: 'demand',
      start: new Date(start).toISOString(),
      values: ['10', '11.5', null, '0'],
      ...change,
    },
  })
const known = () => listObservations(series, 0, start + 100 * hour)

describe('observations', () => {
  test('are stored by hour, over midnight too', async () => {
    expect(await tell()).toMatchObject({
      status: 200,
      body: { hours: 4, start: '2026-11-19T22:00:00.000Z', end: '2026-11-20T02:00:00.000Z' },
    })
    expect(await known()).toEqual(
      new Map([
        [start, 10_000_000],
        [start + hour, 11_500_000],
        [start + 3 * hour, 0],
      ]),
    )
    expect(floor.tables.items('capacityObservations')).toHaveLength(2)
    expect(await listObservations(series, start + hour, start + 3 * hour)).toEqual(
      new Map([[start + hour, 11_500_000]]),
    )
    expect(await listObservations({ ...series, measure: 'price' }, 0, start + 100 * hour)).toEqual(new Map())
  })

  test('told again they are the same, told anew they change, and null takes one back', async () => {
    await tell()
    const before = await known()
    await tell()
    expect(await known()).toEqual(before)
    await tell({ values: [null, '12'] })
    expect(await known()).toEqual(
      new Map([
        [start + hour, 12_000_000],
        [start + 3 * hour, 0],
      ]),
    )
  })

  test('of hours that are not over are refused, and nothing is stored', async () => {
    const last = { start: '2026-11-20T09:00:00Z', values: ['1'] }
    expect((await tell({ ...last, values: ['1', '2'] })).body).toMatchObject({
      status: 422,
      code: 'observation-not-over',
    })
    expect(floor.tables.items('capacityObservations')).toEqual([])
    expect((await tell(last)).status).toBe(200)
  })

  test.each([
    ['NaN', { values: ['NaN'] }],
    ['a negative demand', { values: ['-1'] }],
    ['a number', { values: [1] }],
    ['finer than a millionth', { values: ['0.0000001'] }],
    ['no values', { values: [] }],
    ['too many', { values: Array.from({ length: 1_001 }, () => '1') }],
    ['between hours', { start: '2026-11-19T22:30:00Z' }],
    ['no time', { start: 'yesterday' }],
    ['no resource', { resource_class: '' }],
  ])('%s is no observation', async (_, change) => {
    expect((await tell(change)).body).toMatchObject({ status: 400, code: 'invalid-request' })
    expect(floor.tables.items('capacityObservations')).toEqual([])
  })

  test('are for operators to tell', async () => {
    expect((await send('record-capacity-observations', { as: { role: 'trader' }, body: {} })).status).toBe(403)
  })
})
