import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { indicesOperations } from '#protocol/operations/indices.ts'
import { requests } from '#test/support/http-requests.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

const tables = mockTables()
const { handler } = await import('#lambdas/indices/http.ts')
const send = requests(handler, indicesOperations)

let nowMillis = Date.parse('2026-11-22T10:00:00.000Z')
beforeEach(() => {
  tables.reset()
  nowMillis = Date.parse('2026-11-22T10:00:00.000Z')
  jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
})
afterEach(() => {
  jest.restoreAllMocks()
})

const window = {
  source: 'probe',
  start: '2026-11-22T09:00:00Z',
  end: '2026-11-22T09:01:00Z',
  latency: { upper_ns: [1_000_000, 5_000_000], counts: [10, 2] },
  availability: { up_s: 58, degraded_s: 1, down_s: 1, unknown_s: 0 },
  penalty: '12.5',
  accuracy: '0.987',
  job: { contracted_units: 8, delivered_units: 7, imbalance_price: '2.55' },
}
const put = (...windows: readonly object[]) =>
  send('put-measurements', {
    as: { account: 'prober', role: 'service' },
    path: { series: 'LAT-INFER.USE' },
    body: { windows },
  })

describe('windows of a service', () => {
  test('are recorded in whole numbers', async () => {
    const { status, body } = await put(window)
    expect([status, body['data']]).toEqual([
      200,
      [
        {
          ...window,
          start: '2026-11-22T09:00:00.000Z',
          end: '2026-11-22T09:01:00.000Z',
          version: 1,
          recorded_at: '2026-11-22T10:00:00.000Z',
        },
      ],
    ])
    expect(tables.items('measurements')).toMatchObject([
      {
        series: 'LAT-INFER.USE',
        window_key: `0${Date.parse(window.start)}#probe`.padStart(21, '0'),
        penalty_micros: 12_500_000,
        accuracy_ppm: 987_000,
        latency: { upper_nanos: [1_000_000, 5_000_000], counts: [10, 2] },
        job: { imbalance_price_micros: 2_550_000 },
        version: 1,
      },
    ])
  })

  test('the same again is the same, something else is a correction', async () => {
    const first = await put(window)
    nowMillis += 60_000
    expect((await put({ ...window, penalty: '12.50' })).body).toEqual(first.body)
    const { body } = await put({ ...window, source: 'other' }, { ...window, penalty: '13' })
    expect(body['data']).toMatchObject([
      { source: 'other', version: 1 },
      { source: 'probe', version: 2, penalty: '13', recorded_at: '2026-11-22T10:01:00.000Z' },
    ])
    expect(tables.items('measurements')).toHaveLength(3)
  })

  test('five hundred at once, and again', async () => {
    const small = Array.from({ length: 500 }, (_, at) => ({
      source: 'p',
      start: new Date(nowMillis - (at + 2) * 60_000).toISOString(),
      end: new Date(nowMillis - (at + 1) * 60_000).toISOString(),
      penalty: '0',
    }))
    const first = await put(...small)
    expect([first.status, tables.items('measurements').length]).toEqual([200, 500])
    expect((await put(...small)).body).toEqual(first.body)
    expect((await put(...small, window)).body).toMatchObject({ errors: [{ pointer: '#/windows' }] })
  })

  test.each([
    ['end', { end: window.start }],
    ['end', { end: '2026-11-22T10:00:00.001Z' }],
    ['end', { start: '2026-10-01T00:00:00Z' }],
    ['start', { start: '1970-01-01T00:00:00Z', end: '1970-01-01T00:01:00Z' }],
    ['start', { start: 'NaN' }],
    ['latency/upper_ns', { latency: { upper_ns: [5, 5], counts: [1, 1] } }],
    ['latency/upper_ns', { latency: { upper_ns: [], counts: [] } }],
    ['latency/counts', { latency: { upper_ns: [5, 6], counts: [1] } }],
    ['latency/counts/0', { latency: { upper_ns: [5], counts: [-1] } }],
    ['latency/counts/0', { latency: { upper_ns: [5], counts: [1.5] } }],
    ['latency/counts/0', { latency: { upper_ns: [5], counts: [1e308] } }],
    ['availability/up_s', { availability: { ...window.availability, up_s: -1 } }],
    ['availability/up_s', { availability: { ...window.availability, up_s: '58' } }],
    ['penalty', { penalty: '-1' }],
    ['penalty', { penalty: '1e308' }],
    ['penalty', { penalty: 'Infinity' }],
    ['accuracy', { accuracy: '1.1' }],
    ['accuracy', { accuracy: '-0' }],
    ['job/delivered_units', { job: { ...window.job, delivered_units: null } }],
    ['job/imbalance_price', { job: { ...window.job, imbalance_price: 'NaN' } }],
  ])('with a wrong %s are refused by that name, and none is stored: %j', async (field, wrong) => {
    expect(await put({ ...window, source: 'good' }, { ...window, ...wrong })).toMatchObject({
      status: 400,
      body: {
        code: 'invalid-request',
        errors: expect.arrayContaining([expect.objectContaining({ pointer: `#/windows/1/${field}` })]),
      },
    })
    expect(tables.items('measurements')).toEqual([])
  })

  test('of which one is told twice, or nothing is told, are refused', async () => {
    const { source, start, end } = window
    expect((await put(window, { ...window, start: '2026-11-22T09:00:00.000Z' })).body).toMatchObject({
      errors: [{ pointer: '#/windows' }],
    })
    expect((await put({ source, start, end })).body).toMatchObject({ errors: [{ pointer: '#/windows/0' }] })
    expect(tables.items('measurements')).toEqual([])
  })

  test('as the exchange records them of SLA contracts are not for others to attest', async () => {
    expect((await put({ ...window, source: '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b21' })).body).toMatchObject({
      errors: [{ pointer: '#/windows/0/source' }],
    })
    expect(tables.items('measurements')).toEqual([])
  })

  test('are not for traders to attest', async () => {
    const path = { series: 'LAT-INFER.USE' }
    expect((await send('put-measurements', { path, body: { windows: [window] } })).status).toBe(403)
  })
})
