import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { getMark, type MarkRow, putMark } from '#adapters/tables/marks.ts'
import { listSurface, putSlice, type SurfaceRow } from '#adapters/tables/surfaces.ts'
import { type LocalTables, startTables } from '#test/support/dynamodb-local.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await startTables()
})
afterAll(() => tables.stop())
beforeEach(() => tables.renew('marks', 'surfaces'))

const bare: MarkRow = {
  lane: 1,
  instrumentId: 7,
  instrumentName: 'H100.USE-27NOV46',
  markTicks: 51,
  fair: '2.551',
  method: 'index-and-book',
  bidTicks: 0,
  askTicks: 52,
  lastTicks: 51,
  atMillis: 9,
  flags: [],
}

test('a mark comes back as it was put, with and without what only options have; the last one counts', async () => {
  expect(await getMark(1, 7)).toBeUndefined()
  const option: MarkRow = {
    ...bare,
    markIv: '65.25',
    greeks: { delta: '0.5', gamma: '0.8', vega: '0.004', theta: '-0.002', rho: '0' },
    indexPrice: '2.5',
    standardError: '0.001',
    basis: 0.012_345_678_901,
    flags: ['default-volatility'],
  }
  await putMark(option)
  expect(await getMark(1, 7)).toEqual(option)
  await putMark(bare)
  expect(await getMark(1, 7)).toEqual(bare)
  expect(await getMark(2, 7)).toBeUndefined()
})

test('slices of an underlying come back by expiration, those of the past left out, more than a page of them', async () => {
  const slice = (expirationMillis: number): SurfaceRow => ({
    underlying: 'H100.USE',
    expirationMillis,
    forward: 2.5,
    timeYears: 1 / 3,
    theta: 1e-9,
    rho: -0.3,
    phi: 1.5,
    market: [{ strike: 2.5, volatility: 0.6 }],
    strikes: [2, 2.5],
    fitError: 0,
    flags: ['few-quotes'],
    atMillis: 3,
  })
  const full = { ...slice(200), underlyingInstrument: 'H100.USE-27NOV46', fittedAtMillis: 2 }
  await Promise.all(Array.from({ length: 105 }, (_, i) => putSlice(slice(300 + i))))
  await putSlice(slice(100))
  await putSlice(full)
  await putSlice({ ...slice(250), underlying: 'A100.USE' })
  const found = await listSurface('H100.USE', 150)
  expect(found).toHaveLength(106)
  expect(found[0]).toEqual(full)
  expect(found.at(-1)).toEqual(slice(404))
})
