import { beforeEach, describe, expect, test } from '@jest/globals'
import { indicesOperations } from '#protocol/operations/indices.ts'
import { requests } from '#test/support/http-requests.ts'
import { seedIndex } from '#test/support/index-desk.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

const tables = mockTables()
const { handler } = await import('#lambdas/indices/http.ts')
const send = requests(handler, indicesOperations)

beforeEach(() => tables.reset())

describe('the indices', () => {
  test('that hold now are listed by name, page by page, with their levels', async () => {
    for (const name of ['H100.USE', 'A100.USE', 'H100']) seedIndex(tables, { name })
    seedIndex(tables, { name: 'H100', version: 2, effectiveMillis: 5, method: { unit: 'USD' } })
    seedIndex(tables, { name: 'LATER', effectiveMillis: Date.now() + 60_000 })
    for (const source of ['desk', 'cloud'])
      tables.seed('indexQuotes', {
        index: 'H100',
        source,
        level: '2.5',
        quoted_at_millis: Date.now() - 1_000,
        received_at_millis: Date.now(),
        earlier: [],
      })
    const first = await send('list-indices', { query: { limit: '2' } })
    expect(first.body).toMatchObject({
      data: [
        { index: 'A100.USE', version: 1, level: null, unavailable_reason: 'too-few-sources' },
        { index: 'H100', version: 2, unit: 'USD', level: '2.5', is_fallback: false },
      ],
      next_cursor: expect.any(String),
    })
    const second = await send('list-indices', { query: { limit: '2', cursor: String(first.body['next_cursor']) } })
    expect(second.body).toMatchObject({ data: [{ index: 'H100.USE' }], next_cursor: null })
  })

  test('are none where none is defined, and a made-up cursor is refused', async () => {
    expect((await send('list-indices')).body).toEqual({ data: [], next_cursor: null })
    expect((await send('list-indices', { query: { cursor: 'x' } })).body).toMatchObject({ code: 'invalid-cursor' })
  })
})
