import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { getMark, type MarkRow } from '#adapters/tables/marks.ts'
import { listSurface } from '#adapters/tables/surfaces.ts'
import { lambdaContext } from '#test/support/http-requests.ts'
import { openPricingFloor, pricingNow, underlying } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/pricing/mark-instruments.ts')
const run = () => handler({}, lambdaContext)

let nowMillis = pricingNow

beforeEach(() => {
  floor.reset()
  floor.activate(1)
  nowMillis = pricingNow
  jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
})
afterEach(() => {
  jest.restoreAllMocks()
})

test('marks what trades in one command a lane, and stores what the marks follow from', async () => {
  floor.index('2.5')
  const future = floor.future()
  floor.book(future, 2_590, 2_610)
  const call = floor.option('2.5', 'call')
  floor.book(call, 150, 160)
  await run()
  expect(floor.put()).toHaveLength(1)
  const [command] = floor.put()
  expect(command).toMatchObject({
    type: 'set-mark-prices',
    marks: [{ instrumentId: future.instrument.instrumentId, markTicks: 2_600 }, { markTicks: expect.any(Number) }],
  })
  const mark: MarkRow | undefined = await getMark(1, call.instrument.instrumentId)
  expect(mark).toMatchObject({
    method: 'black-76',
    indexPrice: '2.5',
    bidTicks: 150,
    askTicks: 160,
    atMillis: nowMillis,
    flags: [],
    greeks: { delta: expect.stringMatching(/^0\.\d+$/) },
  })
  expect(Number(mark?.markIv)).toBeGreaterThan(0)
  // Its only quote is what it is marked by.
  expect(Math.abs((mark?.markTicks ?? 0) - 155)).toBeLessThanOrEqual(1)
  expect(await listSurface(underlying, nowMillis)).toMatchObject([{ flags: ['few-quotes'], fittedAtMillis: nowMillis }])
})

test('repeated within its interval it asks under the same id, later under another', async () => {
  floor.index('2.5')
  floor.future()
  await run()
  await run()
  nowMillis += 60_000
  await run()
  const ids = floor.put().map(command => ('commandId' in command ? command.commandId : ''))
  expect(ids[0]).toBe(ids[1])
  expect(ids[2]).not.toBe(ids[0])
})

test('what the engine has already is not said again', async () => {
  floor.index('2.5')
  floor.book(floor.future(), 0, 0, { markTicks: 2_500 })
  await run()
  expect(floor.put()).toEqual([])
  expect(floor.tables.items('marks')).toHaveLength(1)
})

test('a lane of older rules is told its marks one by one', async () => {
  floor.index('2.5')
  floor.future(2)
  await run()
  expect(floor.put()).toMatchObject([{ type: 'set-mark-price', markTicks: 2_500 }])
})

test('where nothing is known there is no mark: nothing is stored, nothing put', async () => {
  floor.index(undefined)
  floor.future()
  await run()
  expect(floor.put()).toEqual([])
  expect(floor.tables.items('marks')).toEqual([])
})

test('a book that does not trade continuously says nothing', async () => {
  floor.index('2.5')
  floor.book(floor.future(), 2_590, 2_610, { state: 'auction' })
  await run()
  expect(floor.put()).toMatchObject([{ marks: [{ markTicks: 2_500 }] }])
})

test('fixings since listing knock an option out; the copy of them is kept and added to', async () => {
  floor.index('2.5')
  floor.future()
  const barrier = { direction: 'up-out', level: '3', rebate: '0.25' }
  const out = floor.option('2.5', 'call', { barrier })
  await run()
  expect(await getMark(1, out.instrument.instrumentId)).toMatchObject({ method: 'barrier' })
  floor.fixing(nowMillis - 1_800_000, '3.1')
  nowMillis += 60_000
  await run()
  expect(await getMark(1, out.instrument.instrumentId)).toMatchObject({ method: 'decided', markTicks: 250 })
})

test('a contract on measured windows has what it would settle at now', async () => {
  const uptime = floor.contract({
    instrumentName: 'UP-INFER.USE-01DEC26',
    underlying: 'INFER.USE',
    kind: 'uptime_swap',
    maxPrice: '100',
    terms: { series: 'INFER.USE', period_start: '2026-10-01T00:00:00Z' },
  })
  floor.tables.seed('measurements', {
    series: 'INFER.USE',
    window_key: `${String(Date.UTC(2026, 9, 1)).padStart(15, '0')}#probe`,
    source: 'probe',
    window_start_millis: Date.UTC(2026, 9, 1),
    window_end_millis: nowMillis,
    version: 1,
    recorded_at_millis: nowMillis,
    availability: { up_seconds: 999, degraded_seconds: 0, down_seconds: 1, unknown_seconds: 0 },
  })
  await run()
  expect(await getMark(1, uptime.instrument.instrumentId)).toMatchObject({ method: 'measured', fair: '99.9' })
})
