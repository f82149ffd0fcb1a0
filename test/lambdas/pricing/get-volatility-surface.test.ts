import { beforeEach, expect, test } from '@jest/globals'
import { putSlice } from '#adapters/tables/surfaces.ts'
import { pricingOperations } from '#protocol/operations/pricing.ts'
import { requests } from '#test/support/http-requests.ts'
import { openPricingFloor } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/pricing/http.ts')
const send = requests(handler, pricingOperations)
const get = () => send('get-volatility-surface', { path: { underlying: 'H100.USE' } })

const slice = {
  underlying: 'H100.USE',
  expirationMillis: Date.UTC(2046, 11, 1),
  underlyingInstrument: 'H100.USE-01DEC46',
  forward: 2.5,
  timeYears: 0.25,
  theta: 0.09,
  rho: -0.3,
  phi: 1,
  fittedAtMillis: 7,
  market: [{ strike: 2.5, volatility: 0.6 }],
  strikes: [2, 2.5],
  fitError: 0.001,
  flags: ['quotes-butterfly-arbitrage'],
  atMillis: 7,
}

beforeEach(() => floor.reset())

test('the slices that have not expired, nearest first, with their flags', async () => {
  await putSlice({ ...slice, expirationMillis: Date.UTC(2046, 11, 31), market: [], strikes: [], flags: [] })
  await putSlice(slice)
  await putSlice({ ...slice, expirationMillis: Date.UTC(2020, 0, 1) })
  const { status, body } = await get()
  expect(status).toBe(200)
  expect(body).toMatchObject({
    underlying: 'H100.USE',
    slices: [
      {
        expiration_timestamp: '2046-12-01T00:00:00.000Z',
        at_the_money_iv: '60',
        quotes: 1,
        fit_error: '0.1',
        points: [
          { strike: '2', market_iv: null },
          { strike: '2.5', iv: '60', market_iv: '60' },
        ],
        flags: ['quotes-butterfly-arbitrage'],
      },
      { expiration_timestamp: '2046-12-31T00:00:00.000Z', flags: [] },
    ],
  })
})

test('an underlying without marked options has none', async () => {
  expect(await get()).toMatchObject({ status: 404, body: { code: 'not-found' } })
})
