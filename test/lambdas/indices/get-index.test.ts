import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { putFixing } from '#adapters/tables/fixings.ts'
import { currentLevel, definitionOf } from '#lambdas/shell/index-level.ts'
import { indicesOperations } from '#protocol/operations/indices.ts'
import { requests } from '#test/support/http-requests.ts'
import { indexName, seedIndex } from '#test/support/index-desk.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

const tables = mockTables()
const { handler } = await import('#lambdas/indices/http.ts')
const send = requests(handler, indicesOperations)

const now = Date.parse('2026-11-22T10:00:30.000Z')
beforeEach(() => {
  tables.reset()
  jest.spyOn(Date, 'now').mockImplementation(() => now)
})
afterEach(() => {
  jest.restoreAllMocks()
})

const get = (index = indexName) => send('get-index', { path: { index } })
const quoted = (source: string, level: string, agoMillis = 1_000) =>
  tables.seed('indexQuotes', {
    index: indexName,
    source,
    level,
    quoted_at_millis: now - agoMillis,
    received_at_millis: now,
    earlier: [],
  })
const fixing = {
  index: indexName,
  fixingMillis: now - 30_000,
  level: '2.4',
  isFallback: false,
  methodVersion: 1,
  inputs: [],
}

describe('an index', () => {
  test('tells its level, what it is made of, its method and the history of it', async () => {
    seedIndex(tables)
    seedIndex(tables, { version: 2, effectiveMillis: now - 60_000, method: { decimals: 2 } })
    seedIndex(tables, { version: 3, effectiveMillis: now + 60_000, method: { decimals: 0 } })
    quoted('desk', '2.5')
    quoted('broker', '3', 400_000)
    quoted('cloud', '2.61', 2_000)
    await putFixing(fixing)
    expect(await get()).toMatchObject({
      status: 200,
      body: {
        index: indexName,
        level: '2.57',
        level_timestamp: '2026-11-22T10:00:29.000Z',
        is_fallback: false,
        unavailable_reason: null,
        inputs: [
          { source: 'desk', level: '2.5', weight: '1', timestamp: '2026-11-22T10:00:29.000Z', use: 'used' },
          { source: 'broker', use: 'stale' },
          { source: 'cloud', weight: '2', use: 'used' },
        ],
        method: { version: 2, decimals: 2, least_sources: 2, outlier: '0.1' },
        versions: [{ version: 1 }, { version: 2 }, { version: 3, effective_from: '2026-11-22T10:01:30.000Z' }],
        last_fixing: { timestamp: '2026-11-22T10:00:00.000Z', level: '2.4', is_fallback: false, inputs: [] },
      },
    })
    expect(await currentLevel(indexName, now)).toMatchObject({
      level: '2.57',
      asOfMillis: now - 1_000,
      definition: { version: 2 },
    })
    expect(await definitionOf(indexName, now - 60_001)).toMatchObject({ version: 1, decimals: 4 })
  })

  test('a source whose clock is a little ahead counts', async () => {
    seedIndex(tables)
    quoted('desk', '2.5', -3_000)
    quoted('cloud', '2.5')
    expect((await get()).body).toMatchObject({ level: '2.5', level_timestamp: '2026-11-22T10:00:30.000Z' })
  })

  test('without enough sources stands on its last fixing, as declared, or has none', async () => {
    seedIndex(tables)
    quoted('desk', '2.5')
    expect((await get()).body).toMatchObject({
      level: null,
      level_timestamp: null,
      unavailable_reason: 'too-few-sources',
      inputs: [{ source: 'desk', use: 'too-few' }],
      last_fixing: null,
    })
    expect(await currentLevel(indexName, now)).toBeUndefined()
    await putFixing(fixing)
    expect((await get()).body).toMatchObject({
      level: '2.4',
      level_timestamp: '2026-11-22T10:00:00.000Z',
      is_fallback: true,
      unavailable_reason: null,
    })
    seedIndex(tables, { version: 2, effectiveMillis: 1, method: { fallback: 'none' } })
    expect((await get()).body).toMatchObject({ level: null, unavailable_reason: 'too-few-sources' })
    seedIndex(tables, { version: 3, effectiveMillis: 2, method: { fallbackMaxAgeMillis: 29_999 } })
    expect((await get()).body).toMatchObject({ level: null })
  })

  test('that does not hold yet says so, and one that was never defined is unknown', async () => {
    seedIndex(tables, { effectiveMillis: now + 1 })
    expect((await get()).body).toMatchObject({
      level: null,
      unavailable_reason: 'not-effective',
      method: null,
      versions: [{ version: 1 }],
    })
    expect(await get('A100.USE')).toMatchObject({ status: 404, body: { code: 'unknown-index' } })
    expect(await currentLevel('A100.USE', now)).toBeUndefined()
  })
})
