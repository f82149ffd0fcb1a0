import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { indicesOperations } from '#protocol/operations/indices.ts'
import { requests } from '#test/support/http-requests.ts'
import { indexName } from '#test/support/index-desk.ts'
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

const operator = { account: 'desk', role: 'market_operator' } as const
const body = {
  unit: 'USD per GPU-hour',
  description: 'H100 by the hour, on demand, US East',
  sources: [
    { source: 'desk', weight: '1' },
    { source: 'cloud', weight: '2.50' },
  ],
  fixing_interval_ms: 3_600_000,
  stale_after_ms: 300_000,
  outlier: '0.1',
  trim: '0.2',
  least_sources: 2,
  decimals: 4,
  fallback: 'previous-fixing',
  fallback_after_ms: 120_000,
  fallback_max_age_ms: 86_400_000,
}
const set = (key: string, more: object = {}, as: { account: string; role: 'market_operator' } = operator) =>
  send('set-index', { as, path: { index: indexName }, headers: { 'idempotency-key': key }, body: { ...body, ...more } })

describe('a definition', () => {
  test('holds from now on unless told, and is stored in whole numbers', async () => {
    expect(await set('one')).toMatchObject({
      status: 200,
      body: {
        index: indexName,
        version: 1,
        effective_from: '2026-11-22T10:00:00.000Z',
        sources: [
          { source: 'desk', weight: '1' },
          { source: 'cloud', weight: '2.5' },
        ],
        outlier: '0.1',
        set_by: 'desk',
        set_at: '2026-11-22T10:00:00.000Z',
      },
    })
    expect(tables.items('parameters')).toMatchObject([
      {
        kind: 'index',
        version_key: 'H100.USE#2026-11-22T10:00:00.000Z#000001',
        value: {
          outlier_ppm: 100_000,
          trim_ppm: 200_000,
          sources: [{ weight_ppm: 1_000_000 }, { weight_ppm: 2_500_000 }],
        },
        request_name: 'one',
      },
      { kind: 'index#newest', version_key: indexName, version: 1 },
    ])
  })

  test('of the first version may hold from before, later ones only from now on', async () => {
    expect((await set('one', { effective_from: '2020-01-01T00:00:00Z' })).status).toBe(200)
    const late = await set('two', { effective_from: '2026-11-22T09:59:59.999Z' })
    expect(late).toMatchObject({ status: 400, body: { errors: [{ pointer: '#/effective_from' }] } })
    const soon = await set('two', { effective_from: '2026-12-01T00:00:00Z', decimals: 2 })
    expect(soon).toMatchObject({ status: 200, body: { version: 2, effective_from: '2026-12-01T00:00:00.000Z' } })
    expect((await set('three')).body).toMatchObject({ version: 3, effective_from: '2026-11-22T10:00:00.000Z' })
    expect(tables.items('parameters').filter(({ kind }) => kind === 'index')).toHaveLength(3)
  })

  test('asked for again under its name is the same version, with another body a conflict', async () => {
    const first = await set('one')
    nowMillis += 60_000
    expect((await set('one')).body).toEqual(first.body)
    expect(await set('one', { decimals: 2 })).toMatchObject({ status: 409, body: { code: 'idempotency-conflict' } })
    // Another's name is another name.
    expect((await set('one', {}, { account: 'other', role: 'market_operator' })).body).toMatchObject({ version: 2 })
  })

  test('of many at once each has a version of its own', async () => {
    const answers = await Promise.all(['a', 'b', 'c'].map(key => set(key)))
    expect(answers.map(({ body: { version } }) => version).sort()).toEqual([1, 2, 3])
  })

  test.each([
    ['#/sources', { sources: [] }],
    ['#/sources', { sources: [body.sources[0], body.sources[0]] }],
    ['#/sources/0/weight', { sources: [{ source: 'desk', weight: '0' }, body.sources[1]] }],
    ['#/sources/0/weight', { sources: [{ source: 'desk', weight: '1000.000001' }, body.sources[1]] }],
    ['#/fixing_interval_ms', { fixing_interval_ms: 59_000 }],
    ['#/fixing_interval_ms', { fixing_interval_ms: 90_000 }],
    ['#/fixing_interval_ms', { fixing_interval_ms: 7 * 60_000 }],
    ['#/outlier', { outlier: '0' }],
    ['#/outlier', { outlier: '1.000001' }],
    ['#/trim', { trim: '0.5' }],
    ['#/trim', { trim: '-0' }],
    ['#/least_sources', { least_sources: 3 }],
    ['#/decimals', { decimals: 9 }],
    ['#/fallback', { fallback: 'guess' }],
    ['#/fallback_after_ms', { fallback_after_ms: 600_001 }],
    ['#/effective_from', { effective_from: 'NaN' }],
    ['#/unit', { unit: 'a\nb' }],
  ])('with a wrong %s is refused by that name: %j', async (pointer, more) => {
    expect(await set('one', more)).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: expect.arrayContaining([expect.objectContaining({ pointer })]) },
    })
    expect(tables.items('parameters')).toEqual([])
  })

  test('is for operators', async () => {
    expect(
      (await send('set-index', { path: { index: indexName }, headers: { 'idempotency-key': 'x' }, body })).status,
    ).toBe(403)
  })
})
