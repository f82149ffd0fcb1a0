import { beforeEach, expect, test } from '@jest/globals'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { type Given, requests } from '#test/support/http-requests.ts'
import { marketDataOn } from '#test/support/market-data.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const data = marketDataOn(floor)
const { handler } = await import('#lambdas/reference/http.ts')
const send = requests(handler, referenceOperations)

const at = Date.UTC(2026, 6, 21, 9, 5, 7, 150)
const minute = 60_000

beforeEach(() => {
  floor.reset()
  data.candle('1m', at, 51, 25)
  data.candle('1m', at + minute, 52)
  // Nothing traded in the minutes between.
  data.candle('1m', at + 4 * minute, 50)
  data.candle('5m', at, 51, 25)
})

const list = async (query: NonNullable<Given['query']>) => {
  const { status, body } = await send('list-candles', { path: { instrument_name: instrumentName }, query })
  const candles = Array.isArray(body['data']) ? body['data'] : []
  return {
    status,
    code: body['code'],
    starts: candles.map((each: { start: string }) => each.start.slice(11, 16)),
    candles,
    next: typeof body['next_cursor'] === 'string' ? body['next_cursor'] : undefined,
  }
}

test('of one resolution, newest first, in decimals; none is made up', async () => {
  expect((await list({ resolution: '1m' })).starts).toEqual(['09:09', '09:06', '09:05'])
  expect((await list({ resolution: '5m' })).candles).toEqual([
    {
      start: '2026-07-21T09:05:00.000Z',
      open: '2.55',
      high: '2.55',
      low: '2.55',
      close: '2.55',
      volume: '2.5',
      // 2.55 for each of 2.5 units of 10 hours
      turnover: '63.75',
      trades: 1,
    },
  ])
  expect((await list({ resolution: '1d' })).candles).toEqual([])
})

test('page by page and by time', async () => {
  const first = await list({ resolution: '1m', limit: '2' })
  const second = await list({ resolution: '1m', limit: '2', cursor: first.next ?? '' })
  expect([first.starts, second.starts, second.next]).toEqual([['09:09', '09:06'], ['09:05'], undefined])
  const start = '2026-07-21T09:06:00Z'
  const end = '2026-07-21T09:09:00Z'
  expect((await list({ resolution: '1m', start, end })).starts).toEqual(['09:06'])
  expect((await list({ resolution: '1m', start: end, end: start })).starts).toEqual([])
  expect((await list({ resolution: '1m', cursor: first.next ?? '', start, end })).starts).toEqual([])
})

test('one whose trades were all reversed is left out, and no page ends the list because of it', async () => {
  data.candle('1m', at + 2 * minute, 0, 0)
  data.candle('1m', at + 3 * minute, 0, 0)
  const whole = await list({ resolution: '1m' })
  expect([whole.starts, whole.next]).toEqual([['09:09', '09:06', '09:05'], undefined])
  const starts: string[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const { starts: some, next }: Awaited<ReturnType<typeof list>> = await list({
      resolution: '1m',
      limit: '1',
      ...(cursor === '' ? {} : { cursor }),
    })
    starts.push(...some)
    cursor = next
  }
  expect(starts).toEqual(['09:09', '09:06', '09:05'])
})

test('without a resolution, or with one that there is not, it is refused', async () => {
  expect(await list({})).toMatchObject({ status: 400, code: 'invalid-request' })
  expect(await list({ resolution: '2m' })).toMatchObject({ status: 400, code: 'invalid-request' })
  expect(await list({ resolution: '1m', cursor: 'x' })).toMatchObject({ status: 400, code: 'invalid-cursor' })
})
