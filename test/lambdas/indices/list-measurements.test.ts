import { beforeEach, describe, expect, test } from '@jest/globals'
import { addMeasurements } from '#adapters/tables/measurements.ts'
import { indicesOperations } from '#protocol/operations/indices.ts'
import { requests } from '#test/support/http-requests.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

const tables = mockTables()
const { handler } = await import('#lambdas/indices/http.ts')
const send = requests(handler, indicesOperations)

const series = 'LAT-INFER.USE'
const start = Date.parse('2026-11-22T10:00:00.000Z')
const minute = 60_000
beforeEach(async () => {
  tables.reset()
  await addMeasurements(
    [0, 1, 2].flatMap(at =>
      ['a', 'b'].map(source => ({
        series,
        source,
        windowStartMillis: start + at * minute,
        windowEndMillis: start + (at + 1) * minute,
        version: 1,
        recordedAtMillis: start + 10 * minute,
        penaltyMicros: at * 1_000_000,
      })),
    ),
  )
})

const list = (query: Readonly<Record<string, string>> = {}) => send('list-measurements', { path: { series }, query })
const namesOf = ({ body }: Awaited<ReturnType<typeof list>>) =>
  Array.isArray(body['data']) ? body['data'].map(({ source, start }) => `${source} ${String(start).slice(14, 16)}`) : []

describe('the windows of a series', () => {
  test('are listed by beginning, then by source, page by page', async () => {
    const first = await list({ limit: '3' })
    expect(first.body).toMatchObject({
      data: [
        {
          source: 'a',
          start: '2026-11-22T10:00:00.000Z',
          end: '2026-11-22T10:01:00.000Z',
          version: 1,
          penalty: '0',
          recorded_at: '2026-11-22T10:10:00.000Z',
        },
        { source: 'b' },
        { source: 'a' },
      ],
    })
    const second = await list({ limit: '3', cursor: String(first.body['next_cursor']) })
    expect(namesOf(second)).toEqual(['b 01', 'a 02', 'b 02'])
    expect(second.body['next_cursor']).toBeNull()
  })

  test('that begin from one instant on and before another', async () => {
    expect(namesOf(await list({ from: '2026-11-22T10:01:00Z', to: '2026-11-22T10:02:00Z' }))).toEqual(['a 01', 'b 01'])
    expect(namesOf(await list({ from: '2026-11-22T10:02:00Z', to: '2026-11-22T10:01:00Z' }))).toEqual([])
  })

  test('of a series that nobody attests are none, and a made-up cursor is refused', async () => {
    expect((await send('list-measurements', { path: { series: 'X' } })).body).toEqual({ data: [], next_cursor: null })
    expect((await list({ cursor: 'x' })).body).toMatchObject({ code: 'invalid-cursor' })
  })
})
