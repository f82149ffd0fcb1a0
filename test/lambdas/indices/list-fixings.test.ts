import { beforeEach, describe, expect, test } from '@jest/globals'
import { putFixing } from '#adapters/tables/fixings.ts'
import { indicesOperations } from '#protocol/operations/indices.ts'
import { requests } from '#test/support/http-requests.ts'
import { indexName, seedIndex } from '#test/support/index-desk.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

const tables = mockTables()
const { handler } = await import('#lambdas/indices/http.ts')
const send = requests(handler, indicesOperations)

const start = Date.parse('2026-11-22T10:00:00.000Z')
const minute = 60_000
beforeEach(async () => {
  tables.reset()
  seedIndex(tables)
  for (const at of [0, 1, 2, 3])
    await putFixing({
      index: indexName,
      fixingMillis: start + at * minute,
      level: `2.${at + 1}`,
      isFallback: at === 3,
      methodVersion: 1,
      inputs: [{ source: 'desk', level: '2.5', weightPpm: 1_500_000, quotedAtMillis: start - 1_000, use: 'used' }],
      ...(at === 3 ? { fallbackOn: { fixingMillis: start, level: '2.1' } } : {}),
    })
})

const list = (query: Readonly<Record<string, string>> = {}) =>
  send('list-fixings', { path: { index: indexName }, query })
const levelsOf = ({ body }: Awaited<ReturnType<typeof list>>) =>
  Array.isArray(body['data']) ? body['data'].map(({ level }) => level) : undefined

describe('the fixings of an index', () => {
  test('are listed newest first, with all that they were made of', async () => {
    const { body } = await list({ limit: '2' })
    expect(body['data']).toEqual([
      {
        timestamp: '2026-11-22T10:03:00.000Z',
        level: '2.4',
        is_fallback: true,
        fallback_timestamp: '2026-11-22T10:00:00.000Z',
        method_version: 1,
        inputs: [{ source: 'desk', level: '2.5', weight: '1.5', timestamp: '2026-11-22T09:59:59.000Z', use: 'used' }],
      },
      expect.objectContaining({ level: '2.3', is_fallback: false, fallback_timestamp: null }),
    ])
    const next = await list({ limit: '2', cursor: String(body['next_cursor']) })
    expect(levelsOf(next)).toEqual(['2.2', '2.1'])
    expect(next.body['next_cursor']).toBeNull()
  })

  test('from one instant on and before another', async () => {
    const from = '2026-11-22T10:01:00Z'
    const to = '2026-11-22T10:03:00Z'
    expect(levelsOf(await list({ from, to }))).toEqual(['2.3', '2.2'])
    const { body } = await list({ from, to, limit: '1' })
    expect(levelsOf(await list({ from, to, limit: '1', cursor: String(body['next_cursor']) }))).toEqual(['2.2'])
    expect(levelsOf(await list({ from: to, to: from }))).toEqual([])
  })

  test('of an index that is not there are not found, and a made-up cursor is refused', async () => {
    expect(await send('list-fixings', { path: { index: 'A100' } })).toMatchObject({ body: { code: 'unknown-index' } })
    expect((await list({ cursor: 'x' })).body).toMatchObject({ code: 'invalid-cursor' })
  })
})
