import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import {
  listMarketWindows,
  marketWindowClose,
  marketWindowPut,
  marketWindowsFrom,
  openWindowsOf,
  openWindowsPut,
} from '#adapters/tables/market-windows.ts'
import { transact } from '#adapters/writes.ts'
import type { MarketWindow } from '#domain/trading/market-windows.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew())

const minute = 60_000
const window = (startMillis: number): MarketWindow => ({
  startMillis,
  trades: 3,
  volumeLots: 2n ** 70n,
  turnoverTickLots: 2n ** 90n,
  buyerLots: 5n,
  sellerLots: 0n,
  openTicks: 4,
  closeTicks: 2,
  previousTicks: 3,
  squaredReturns: 10n ** 24n,
  state: 'open',
  version: 1,
})
const put = (startMillis: number, resolution: '1m' | '1h' = '1m') =>
  marketWindowPut({ lane: 1, instrumentId: 7, resolution, window: window(startMillis), outSeq: 9 })

test('windows of one resolution by time, closed where they are', async () => {
  await transact([put(0), put(minute), put(2 * minute), put(0, '1h')])
  await transact([marketWindowClose(1, { instrumentId: 7, resolution: '1m', startMillis: minute }, 12)])
  const row = { lane: 1, instrumentId: 7, resolution: '1m', outSeq: 9 }
  const first = await listMarketWindows(1, 7, '1m', { limit: 2 })
  expect(first).toEqual({
    rows: [
      { ...row, window: window(2 * minute) },
      { ...row, window: { ...window(minute), state: 'closed' }, outSeq: 12 },
    ],
    next: String(minute),
  })
  const within = await listMarketWindows(1, 7, '1m', { limit: 9, startMillis: 0, endMillis: minute })
  expect(within.rows.map(each => each.window.startMillis)).toEqual([0])
  expect((await listMarketWindows(1, 7, '1m', { limit: 9, startMillis: 5, endMillis: 5 })).rows).toEqual([])
  const from = await marketWindowsFrom(1, 7, '1m', minute)
  expect(from.map(each => each.window.startMillis)).toEqual([2 * minute, minute])
})

test('all of a span, however many reads it takes, and none of another series', async () => {
  for (let from = 0; from < 1_200; from += 100)
    await transact(Array.from({ length: 100 }, (_, index) => put((from + index) * minute)))
  expect((await marketWindowsFrom(1, 7, '1m', 100 * minute)).length).toBe(1_100)
  expect(await marketWindowsFrom(1, 8, '1m', 0)).toEqual([])
})

test('which windows of a lane are open', async () => {
  const windows = [{ instrumentId: 7, resolution: '1d' as const, startMillis: 0 }]
  await transact([
    openWindowsPut({ lane: 1, instrumentId: 7, windows, outSeq: 3 }),
    openWindowsPut({ lane: 1, instrumentId: 3, windows: [], outSeq: 4 }),
    openWindowsPut({ lane: 2, instrumentId: 7, windows: [], outSeq: 5 }),
  ])
  expect(await openWindowsOf(1)).toEqual([
    { lane: 1, instrumentId: 3, windows: [], outSeq: 4 },
    { lane: 1, instrumentId: 7, windows, outSeq: 3 },
  ])
  expect(await openWindowsOf(3)).toEqual([])
})
