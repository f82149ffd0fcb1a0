import { beforeEach, describe, expect, jest, test } from '@jest/globals'
import { candlePut } from '#adapters/tables/candles.ts'
import { putObservations } from '#adapters/tables/capacity-observations.ts'
import { putFixings } from '#adapters/tables/fixings.ts'
import { capacityForecastOperations } from '#protocol/operations/capacity-forecasts.ts'
import { requests } from '#test/support/http-requests.ts'
import { seedIndex } from '#test/support/index-desk.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/capacity/http.ts')
const send = requests(handler, capacityForecastOperations)

const hour = 3_600_000
const now = Date.parse('2026-11-20T10:20:00.000Z')
const thisHour = Date.parse('2026-11-20T10:00:00.000Z')
jest.spyOn(Date, 'now').mockReturnValue(now)

beforeEach(() => floor.reset())

const wave = (at: number): number => 2 + Math.round(500 * Math.sin((2 * Math.PI * at) / 24)) / 1_000
const observe = (measure: string, hours: number, endMillis = thisHour) =>
  putObservations(
    { measure, resourceClass: 'H100', region: 'USE' },
    endMillis - hours * hour,
    Array.from({ length: hours }, (_, at) => Math.round(wave(at - hours) * 1e6)),
  )
const fix = async (hours: number, interval = hour) => {
  const rows = Array.from({ length: hours }, (_, at) => ({
    index: 'H100.USE',
    fixingMillis: thisHour - (hours - at) * interval,
    level: String(wave(at - hours)),
    isFallback: false,
    methodVersion: 1,
    inputs: [],
  }))
  for (let at = 0; at < rows.length; at += 50) await putFixings(rows.slice(at, at + 50))
}
const ask = (query: Readonly<Record<string, string>> = {}) =>
  send('get-capacity-forecast', { query: { resource_class: 'H100', region: 'USE', measure: 'price', ...query } })

describe('a forecast of the exchange', () => {
  test('is of the hourly fixings, by hour from the one under way on, with its error beside seasonal-naive', async () => {
    seedIndex(floor.tables, { method: { fixingIntervalMillis: hour } })
    await fix(240)
    const { status, body } = await ask()
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        resource_class: 'H100',
        region: 'USE',
        measure: 'price',
        unit: 'USD per unit and hour',
        source: 'fixings',
        history_start: '2026-11-10T10:00:00.000Z',
        history_hours: 240,
        seasonal_naive_mase: null,
        origins: 13,
      },
    })
    const data = body['data'] as readonly Record<string, string>[]
    expect(data).toHaveLength(24)
    expect(data[0]?.['start']).toBe('2026-11-20T10:00:00.000Z')
    for (const [at, each] of data.entries()) {
      expect(Number(each['forecast'])).toBeCloseTo(wave(at), 2)
      expect(Number(each['lower_95'])).toBeLessThanOrEqual(Number(each['forecast']))
      expect(Number(each['upper_95'])).toBeGreaterThanOrEqual(Number(each['upper_80']))
    }
    // Remembered, until a fixing changes it.
    expect((await ask()).body).toEqual(body)
    expect((await ask({ horizon: '3' })).body['data']).toEqual(data.slice(0, 3))
  })

  test('says what is missing where the history is too short', async () => {
    seedIndex(floor.tables, { method: { fixingIntervalMillis: hour } })
    await fix(95)
    expect((await ask()).body).toMatchObject({
      status: 409,
      code: 'forecast-history-too-short',
      history_hours: 95,
      needed_hours: 96,
      source: 'fixings',
    })
    expect((await ask({ horizon: '168' })).body).toMatchObject({ needed_hours: 240 })
    floor.reset()
    seedIndex(floor.tables, { method: { fixingIntervalMillis: hour } })
    await fix(96)
    expect((await ask()).status).toBe(200)
  })

  test('an index that was defined within the hour is known, and has no history', async () => {
    seedIndex(floor.tables, { effectiveMillis: now - 60_000, setAtMillis: now - 60_000 })
    expect((await ask()).body).toMatchObject({ code: 'forecast-history-too-short', history_hours: 0 })
  })

  test('observations stand before the first fixing, and alone', async () => {
    await observe('price', 200)
    expect((await ask()).body).toMatchObject({ source: 'observations', history_hours: 200 })
    seedIndex(floor.tables, { method: { fixingIntervalMillis: hour } })
    await fix(3)
    expect((await ask()).body).toMatchObject({ source: 'fixings_and_observations', history_hours: 200 })
  })

  test('more fixings than one an hour count by their mean, fewer hold until the next', async () => {
    seedIndex(floor.tables, { method: { fixingIntervalMillis: hour / 4 } })
    await fix(4 * 100, hour / 4)
    expect((await ask()).body).toMatchObject({ source: 'fixings', history_hours: 100 })
    floor.reset()
    seedIndex(floor.tables, { method: { fixingIntervalMillis: 4 * hour } })
    await fix(30, 4 * hour)
    expect((await ask()).body).toMatchObject({ source: 'fixings', history_hours: 120 })
  })

  test('demand is what was told of it', async () => {
    await observe('demand', 200)
    expect((await ask({ measure: 'demand' })).body).toMatchObject({
      source: 'observations',
      unit: 'units per hour',
      history_hours: 200,
    })
  })

  test('demand that nobody told is what requests asked for, in the hours at which they could begin', async () => {
    for (let day = 0; day < 8; day += 1)
      floor.tables.seed('capacityAllocations', {
        allocation_id: `a${day}`,
        wanted: 'H100#USE',
        starts_key: `${new Date(thisHour - (day * 24 + 6) * hour).toISOString()}#a${day}`,
        earliest_start_millis: thisHour - (day * 24 + 6) * hour,
        duration_hours: 2,
        units: 16,
      })
    const { body } = await ask({ measure: 'demand' })
    expect(body).toMatchObject({ source: 'capacity_requests', history_hours: 174 })
    const data = body['data'] as readonly Record<string, string>[]
    expect(data.map(each => Math.round(Number(each['forecast'])))).toEqual(
      Array.from({ length: 24 }, (_, at) => (at === 18 || at === 19 ? 16 : 0)),
    )
  })

  test('demand that nobody told or asked for is what was traded in the futures, zero where nothing was', async () => {
    const { lane, instrument } = floor.instrument(1)
    for (let at = 1; at <= 150; at += 2)
      floor.seed(
        'candles',
        candlePut({
          lane,
          instrumentId: instrument.instrumentId,
          resolution: '1h',
          candle: {
            startMillis: thisHour - at * hour,
            openTicks: 1,
            highTicks: 1,
            lowTicks: 1,
            closeTicks: 1,
            volumeLots: 30n,
            turnoverTickLots: 30n,
            trades: 1,
          },
          outSeq: 1,
        }),
      )
    const { body } = await ask({ measure: 'demand', horizon: '1' })
    // 30 lots of 0.1 contracts of 10 units, each other hour; listed long ago.
    expect(body).toMatchObject({ source: 'traded_volume', history_hours: 672 })
    const [next] = body['data'] as readonly Record<string, string>[]
    expect(Number(next?.['upper_95'])).toBeGreaterThan(10)
    expect(Number(next?.['upper_95'])).toBeLessThanOrEqual(60)
  })

  test('a history that has ended is none, and after a long gap only the end of it counts', async () => {
    await observe('price', 300, thisHour - 72 * hour)
    expect((await ask()).body).toMatchObject({ code: 'forecast-history-too-short', history_hours: 0 })
    await observe('price', 20)
    expect((await ask()).body).toMatchObject({ code: 'forecast-history-too-short', history_hours: 20 })
  })

  test('of what nobody knows is refused', async () => {
    expect((await ask({ resource_class: 'TAPE' })).body).toMatchObject({ code: 'unknown-resource' })
    expect((await ask({ resource_class: 'TAPE', measure: 'demand' })).body).toMatchObject({ code: 'unknown-resource' })
  })

  test.each([
    { measure: 'weather' },
    { horizon: '0' },
    { horizon: '169' },
    { horizon: '1.5' },
    { resource_class: 'h 100' },
    { region: '../x' },
  ])('%j is no request', async query => {
    expect((await ask(query)).body).toMatchObject({ status: 400, code: 'invalid-request' })
  })
})
