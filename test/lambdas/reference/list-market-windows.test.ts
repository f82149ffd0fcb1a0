import { beforeEach, expect, test } from '@jest/globals'
import type { MarketWindow } from '#domain/trading/market-windows.ts'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { type Given, requests } from '#test/support/http-requests.ts'
import { marketDataOn } from '#test/support/market-data.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const data = marketDataOn(floor)
const { handler } = await import('#lambdas/reference/http.ts')
const send = requests(handler, referenceOperations)

const hour = 3_600_000
const at = Date.UTC(2026, 6, 21, 9)
const window: MarketWindow = {
  startMillis: at,
  trades: 3,
  volumeLots: 40n,
  turnoverTickLots: 2_040n,
  buyerLots: 25n,
  sellerLots: 10n,
  openTicks: 51,
  closeTicks: 52,
  previousTicks: 0,
  squaredReturns: 12_500_000_000_000_000n,
  state: 'closed',
  version: 2,
}

beforeEach(() => {
  floor.reset()
  data.window('1h', window)
  data.window('1h', { ...window, startMillis: at + 2 * hour, state: 'open', version: 1, squaredReturns: 0n })
  data.window('1d', { ...window, startMillis: Date.UTC(2026, 6, 21), squaredReturns: 3n })
})

const list = async (query: NonNullable<Given['query']>) => {
  const { status, body } = await send('list-market-windows', { path: { instrument_name: instrumentName }, query })
  const windows = Array.isArray(body['data']) ? body['data'] : []
  return {
    status,
    code: body['code'],
    starts: windows.map((each: { start: string }) => each.start.slice(11, 16)),
    windows,
    next: typeof body['next_cursor'] === 'string' ? body['next_cursor'] : undefined,
  }
}

test('of one resolution, newest first, with what their variance is a year', async () => {
  const { status, windows } = await list({ resolution: '1h' })
  expect(status).toBe(200)
  expect(windows).toEqual([
    expect.objectContaining({ start: '2026-07-21T11:00:00.000Z', state: 'open', realised_variance: '0' }),
    {
      start: '2026-07-21T09:00:00.000Z',
      end: '2026-07-21T10:00:00.000Z',
      state: 'closed',
      version: 2,
      trades: 3,
      volume: '4',
      buyer_volume: '2.5',
      seller_volume: '1',
      turnover: '102',
      open: '2.55',
      close: '2.6',
      realised_variance: '0.0125',
      annualised_variance: '109.5',
    },
  ])
  expect((await list({ resolution: '1d' })).windows).toMatchObject([
    { realised_variance: '0.000000000000000003', annualised_variance: '0.000000000000001095' },
  ])
  expect((await list({ resolution: '1m' })).windows).toEqual([])
})

test('one whose trades were all reversed is told, without prices', async () => {
  data.window('1h', {
    ...window,
    startMillis: at + hour,
    trades: 0,
    volumeLots: 0n,
    turnoverTickLots: 0n,
    openTicks: 0,
    closeTicks: 0,
  })
  const { windows, starts } = await list({ resolution: '1h' })
  expect(starts).toEqual(['11:00', '10:00', '09:00'])
  expect(windows[1]).toMatchObject({ trades: 0, volume: '0', open: null, close: null, version: 2 })
})

test('page by page and by time', async () => {
  const first = await list({ resolution: '1h', limit: '1' })
  const second = await list({ resolution: '1h', limit: '1', cursor: first.next ?? '' })
  expect([first.starts, second.starts, second.next]).toEqual([['11:00'], ['09:00'], undefined])
  const [start, end] = ['2026-07-21T09:00:00Z', '2026-07-21T11:00:00Z']
  expect((await list({ resolution: '1h', start, end })).starts).toEqual(['09:00'])
  expect((await list({ resolution: '1h', start: end, end: start })).starts).toEqual([])
})

test('what is no window is refused', async () => {
  expect(await list({})).toMatchObject({ status: 400, code: 'invalid-request' })
  expect(await list({ resolution: '5m' })).toMatchObject({ status: 400, code: 'invalid-request' })
  expect(await list({ resolution: '1h', cursor: 'x' })).toMatchObject({ status: 400, code: 'invalid-cursor' })
  const unknown = await send('list-market-windows', {
    path: { instrument_name: 'NO-SUCH-MARKET' },
    query: { resolution: '1h' },
  })
  expect(unknown).toMatchObject({ status: 404, body: { code: 'not-found' } })
})
