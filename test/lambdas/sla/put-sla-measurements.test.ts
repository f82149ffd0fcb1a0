import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { slaOperations } from '#protocol/operations/sla.ts'
import { requests } from '#test/support/http-requests.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

import { seedSlaContract, slaSeries } from '#test/support/sla-desk.ts'

const tables = mockTables()
const { handler } = await import('#lambdas/sla/http.ts')
const send = requests(handler, slaOperations)

const nowMillis = Date.parse('2026-11-22T10:00:00.000Z')

beforeEach(() => {
  tables.reset()
  jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
  seedSlaContract(tables, '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b21')
})
afterEach(() => {
  jest.restoreAllMocks()
})

const reading = { series: slaSeries, probe: 'p', at: '2026-11-22T09:59:00Z', available: 2 }
const put = (...measurements: readonly object[]) =>
  send('put-sla-measurements', { as: { account: 'prober', role: 'service' }, body: { measurements } })
const stored = () => tables.items('slaReadings')

describe('measurements', () => {
  test('are stored under series, time and probe, the same once', async () => {
    expect((await put(reading, { ...reading, probe: 'q', degraded: 1, latency_ns: [5] })).body).toEqual({
      taken: 2,
      known: 0,
    })
    expect(stored()).toMatchObject([
      {
        series: slaSeries,
        reading_key: `${String(Date.parse(reading.at)).padStart(15, '0')}#p`,
        available_units: 2,
        degraded_units: 0,
        holds_seconds: 60,
        revision: 0,
        received_at_millis: nowMillis,
      },
      { probe: 'q', degraded_units: 1, latency_nanos: [5] },
    ])
    expect((await put(reading, reading)).body).toEqual({ taken: 0, known: 2 })
  })

  test('are corrected by a higher revision, whichever comes first', async () => {
    await put({ ...reading, available: 1, revision: 2 })
    expect((await put({ ...reading, revision: 1 })).body).toEqual({ taken: 0, known: 1 })
    expect((await put({ ...reading, available: 0, revision: 3 }, { ...reading, revision: 2 })).body).toEqual({
      taken: 1,
      known: 1,
    })
    expect(stored()).toMatchObject([{ available_units: 0, revision: 3 }])
  })

  test('that contradict each other or what is known are refused, all of them', async () => {
    expect(await put({ ...reading, probe: 'q' }, reading, { ...reading, available: 1 })).toMatchObject({
      status: 409,
      body: { code: 'reading-conflict', errors: [{ pointer: '#/measurements/2' }] },
    })
    expect(stored()).toEqual([])
  })

  test('five hundred at once, not one more', async () => {
    const many = Array.from({ length: 501 }, (_, at) => ({
      ...reading,
      at: new Date(Date.parse(reading.at) - at * 1_000).toISOString(),
    }))
    expect((await put(...many.slice(0, 500))).body).toEqual({ taken: 500, known: 0 })
    expect(await put(...many)).toMatchObject({ status: 400, body: { errors: [{ pointer: '#/measurements' }] } })
  })

  test.each([
    ['at', { at: '2026-11-22T10:00:06Z' }],
    ['at', { at: '2026-09-01T00:00:00Z' }],
    ['at', { at: '2026-11-22T09:59:00.500Z' }],
    ['at', { at: 'NaN' }],
    ['probe', { probe: 'a probe' }],
    ['probe', { probe: '' }],
    ['available', { available: -1 }],
    ['available', { available: 0.5 }],
    ['available', { available: 1e308 }],
    ['holds_s', { holds_s: 0 }],
    ['holds_s', { holds_s: 3_601 }],
    ['holds_s', { holds_s: 126 }],
    ['holds_s', { at: '2026-11-22T10:00:05Z', holds_s: 61 }],
    ['latency_ns/0', { latency_ns: [0] }],
    ['revision', { revision: -1 }],
  ])('with a wrong %s are refused by that name, and none is stored: %j', async (field, wrong) => {
    expect(await put(reading, { ...reading, probe: 'q', ...wrong })).toMatchObject({
      status: 400,
      body: {
        code: 'invalid-request',
        errors: expect.arrayContaining([expect.objectContaining({ pointer: `#/measurements/1/${field}` })]),
      },
    })
    expect(stored()).toEqual([])
  })

  test('a probe’s clock may be five seconds ahead, and what it says reach a minute further', async () => {
    expect((await put({ ...reading, at: '2026-11-22T10:00:05Z' })).status).toBe(200)
    expect((await put({ ...reading, holds_s: 125 })).status).toBe(200)
  })

  test('of a series that no contract is measured by are refused, all of them', async () => {
    expect(await put(reading, { ...reading, series: 'UP-OTHER' })).toMatchObject({
      status: 422,
      body: { code: 'unknown-series', errors: [{ pointer: '#/measurements/1/series' }] },
    })
    expect(stored()).toEqual([])
  })

  test('are not for traders to tell', async () => {
    expect((await send('put-sla-measurements', { body: { measurements: [reading] } })).status).toBe(403)
  })
})
