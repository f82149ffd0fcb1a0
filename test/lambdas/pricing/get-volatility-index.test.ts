import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { black76 } from '#domain/pricing/black76.ts'
import { pricingOperations } from '#protocol/operations/pricing.ts'
import { requests } from '#test/support/http-requests.ts'
import { openPricingFloor, pricingNow, underlying } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/pricing/http.ts')
const send = requests(handler, pricingOperations)
const get = () => send('get-volatility-index', { path: { underlying } })

beforeEach(() => {
  floor.reset()
  jest.spyOn(Date, 'now').mockImplementation(() => pricingNow)
})
afterEach(() => {
  jest.restoreAllMocks()
})

/** Calls and puts of one volatility around 2.5, every tenth of a dollar. */
const strip = (month: string, expirationMillis: number, from = 10, to = 45): void => {
  const future = `H100.USE-01${month}26`
  for (let tenths = from; tenths <= to; tenths++)
    for (const optionType of ['call', 'put'] as const) {
      const strike = (tenths / 10).toFixed(2)
      const row = floor.contract({
        instrumentName: `${future}-${strike}-${optionType === 'call' ? 'C' : 'P'}`,
        kind: 'option',
        expirationMillis,
        tickSize: '0.000001',
        terms: { option_type: optionType, strike: String(tenths / 10), underlying_instrument: future },
      })
      const timeYears = (expirationMillis - pricingNow) / 31_536e6
      const value = black76({ optionType, forward: 2.5, strike: tenths / 10, timeYears, volatility: 0.6, rate: 0 })
      const ticks = Math.round((value.priced ? value.value : 0) * 1e6)
      floor.book(row, Math.floor(ticks * 0.99), Math.ceil(ticks * 1.01))
    }
}

test('is the volatility that all options are quoted at, with all that it follows from', async () => {
  strip('NOV', Date.UTC(2026, 10, 1))
  strip('DEC', Date.UTC(2026, 11, 1))
  const { status, body } = await get()
  expect(status).toBe(200)
  expect(Math.abs(Number(body['value']) - 60)).toBeLessThan(1)
  expect(body).toMatchObject({
    target_days: 30,
    near: { expiration_timestamp: '2026-11-01T00:00:00.000Z', central_strike: 2.5 },
    next: { expiration_timestamp: '2026-12-01T00:00:00.000Z' },
  })
})

test('one expiration is not enough, and one that cannot be used is named with the reason', async () => {
  strip('NOV', Date.UTC(2026, 10, 1))
  strip('DEC', Date.UTC(2026, 11, 1), 25, 25)
  expect(await get()).toMatchObject({
    status: 409,
    body: {
      code: 'not-priceable',
      errors: [{ pointer: '#/expirations' }, { pointer: '#/expirations/2026-12-01T00:00:00.000Z/quotes' }],
    },
  })
})

test('without options there is none', async () => {
  expect(await get()).toMatchObject({ status: 404 })
})
