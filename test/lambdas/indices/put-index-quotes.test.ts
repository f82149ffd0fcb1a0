import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { indicesOperations } from '#protocol/operations/indices.ts'
import { requests } from '#test/support/http-requests.ts'
import { indexName, seedIndex } from '#test/support/index-desk.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

const tables = mockTables()
const { handler } = await import('#lambdas/indices/http.ts')
const send = requests(handler, indicesOperations)

let nowMillis = Date.parse('2026-11-22T10:00:00.000Z')
const start = nowMillis
beforeEach(() => {
  tables.reset()
  seedIndex(tables)
  nowMillis = start
  jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
})
afterEach(() => {
  jest.restoreAllMocks()
})

const quote = (source: string, level: unknown, agoMillis = 1_000) => ({
  source,
  level,
  timestamp: new Date(nowMillis - agoMillis).toISOString(),
})
const put = (quotes: readonly unknown[], index = indexName) =>
  send('put-index-quotes', { as: { account: 'feed', role: 'service' }, path: { index }, body: { quotes } })

describe('quotes', () => {
  test('are kept, the newest of each source', async () => {
    expect(await put([quote('desk', '2.50'), quote('cloud', '2.6')])).toMatchObject({
      status: 200,
      body: {
        data: [
          { source: 'desk', level: '2.5', timestamp: '2026-11-22T09:59:59.000Z' },
          { source: 'cloud', level: '2.6' },
        ],
      },
    })
    nowMillis += 90_000
    await put([quote('desk', '2.7')])
    expect(tables.items('indexQuotes')).toMatchObject([
      {
        index: indexName,
        source: 'desk',
        level: '2.7',
        quoted_at_millis: nowMillis - 1_000,
        received_at_millis: nowMillis,
        earlier: [{ level: '2.5', quoted_at_millis: start - 1_000 }],
      },
      { source: 'cloud', level: '2.6', earlier: [] },
    ])
  })

  test('the last one again changes nothing, another of the same time is out of date', async () => {
    const first = quote('desk', '2.5')
    await put([first])
    const before = tables.writes().length
    expect((await put([first])).status).toBe(200)
    expect(tables.writes()).toHaveLength(before)
    expect(await put([{ ...first, level: '2.6' }])).toMatchObject({ status: 409, body: { code: 'quote-out-of-date' } })
  })

  test.each([
    ['an unknown source', quote('stranger', '2.5'), 422, 'unknown-source', 'source'],
    ['a time ahead', quote('desk', '2.5', -5_001), 409, 'quote-out-of-date', 'timestamp'],
    ['a stale time', quote('desk', '2.5', 300_001), 409, 'quote-out-of-date', 'timestamp'],
    ['nothing', quote('desk', '0'), 400, 'invalid-request', 'level'],
    ['nothing, with a sign', quote('desk', '-0'), 400, 'invalid-request', 'level'],
    ['less than nothing', quote('desk', '-2.5'), 400, 'invalid-request', 'level'],
    ['NaN', quote('desk', 'NaN'), 400, 'invalid-request', 'level'],
    ['infinity', quote('desk', 'Infinity'), 400, 'invalid-request', 'level'],
    ['too much', quote('desk', '1e308'), 400, 'invalid-request', 'level'],
    ['too much, written out', quote('desk', '10000000.5'), 400, 'invalid-request', 'level'],
    ['a number', quote('desk', 2.5), 400, 'invalid-request', 'level'],
    ['what rounds to nothing', quote('desk', '0.00001'), 400, 'invalid-request', 'level'],
    ['a source twice', quote('broker', '2.5'), 400, 'invalid-request', 'source'],
    ['no time', { source: 'desk', level: '2.5', timestamp: 'now' }, 400, 'invalid-request', 'timestamp'],
  ])('with %s are refused by its name, and none is stored', async (_, wrong, status, code, field) => {
    expect(await put([quote('broker', '2.5'), wrong])).toMatchObject({
      status,
      body: { code, errors: [{ pointer: `#/quotes/1/${field}` }] },
    })
    expect(tables.items('indexQuotes')).toEqual([])
  })

  test('older than the last of their source are refused', async () => {
    await put([quote('desk', '2.5')])
    expect(await put([quote('broker', '2.5'), quote('desk', '2.6', 2_000)])).toMatchObject({
      status: 409,
      body: { code: 'quote-out-of-date', errors: [{ pointer: '#/quotes/1/timestamp' }] },
    })
    expect(tables.items('indexQuotes')).toMatchObject([{ source: 'desk', level: '2.5' }])
  })

  test('of an index that is not there, or not yet, are refused', async () => {
    seedIndex(tables, { name: 'LATER', effectiveMillis: start + 1 })
    expect(await put([quote('desk', '2.5')], 'A100.USE')).toMatchObject({
      status: 404,
      body: { code: 'unknown-index' },
    })
    expect(await put([quote('desk', '2.5')], 'LATER')).toMatchObject({ status: 404 })
  })

  test('of several at once the newest stays', async () => {
    const answers = await Promise.all([3_000, 1_000, 2_000].map(ago => put([quote('desk', `2.${ago}`, ago)])))
    expect(answers.some(({ status }) => status === 200)).toBe(true)
    expect(tables.items('indexQuotes')).toMatchObject([{ level: '2.1' }])
  })

  test('are not for traders', async () => {
    const answer = await send('put-index-quotes', {
      path: { index: indexName },
      body: { quotes: [quote('desk', '2.5')] },
    })
    expect(answer.status).toBe(403)
  })
})
