import { beforeEach, expect, test } from '@jest/globals'
import { limitScalePut, limitsPut } from '#adapters/tables/risk-limits.ts'
import { noLimits } from '#domain/trading/limit-terms.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)

beforeEach(() => floor.reset())

const own = { account: 'acme', role: 'trader' } as const
const watch = { account: 'watch', role: 'risk_manager' } as const
const get = (as: typeof own | typeof watch, query: Readonly<Record<string, string>> = {}) =>
  send('get-risk-limits', { as, query })

test('an account sees its own, its firm’s and those of markets; a risk manager all', async () => {
  const market = floor.instrument(1)
  const { instrumentId } = market.instrument
  const terms = { ...noLimits, maxOrderLots: 10, maxDailyLossMicros: 2_500_000 }
  floor.seed(
    'riskLimits',
    limitsPut(1, { scope: 'account', accountId: 7, firm: '', instrumentId: 0, terms, setAtMillis: 5 }),
  )
  floor.seed(
    'riskLimits',
    limitScalePut(1, {
      instrumentId,
      scalePpm: 500_000,
      volatilityPpm: 1_600_000,
      referenceVolatilityPpm: 800_000,
      depthLots: 3,
      referenceDepthLots: 0,
      floorPpm: 200_000,
      ceilingPpm: 1_000_000,
      scaledAtMillis: 7,
    }),
  )
  expect((await get(own)).body).toEqual({
    scope: 'account',
    subject: 'acme',
    lane: 1,
    limits: { max_order_lots: 10, max_daily_loss: '2.5' },
    set_at: '1970-01-01T00:00:00.005Z',
    scale: null,
    requests: [],
  })
  expect((await get(own, { scope: 'firm', subject: 'acme' })).body).toMatchObject({
    scope: 'firm',
    limits: {},
    set_at: null,
  })
  expect((await get(own, { subject: 'other' })).body['code']).toBe('not-found')
  expect((await get(own, { scope: 'firm', subject: 'other' })).body['code']).toBe('not-found')
  expect((await get(watch, { subject: 'acme' })).body['limits']).toMatchObject({ max_order_lots: 10 })
  const named = { scope: 'instrument', subject: market.instrument.specification.instrumentName }
  expect((await get(own, named)).body).toMatchObject({ scope: 'instrument', scale: { scale_ppm: 500_000 } })
  expect((await get(watch, { scope: 'instrument', subject: 'H100.USE-1' })).body['code']).toBe('not-found')
  expect((await get(watch, { scope: 'firm' })).body['code']).toBe('invalid-request')
  // Who has no account of their own says whose.
  expect((await get(watch)).body).toMatchObject({ code: 'invalid-request', errors: [{ pointer: '#/query/subject' }] })
})
