import { beforeEach, expect, test } from '@jest/globals'
import { pricingOperations } from '#protocol/operations/pricing.ts'
import { requests } from '#test/support/http-requests.ts'
import { openPricingFloor } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/pricing/http.ts')
const send = requests(handler, pricingOperations)
const set = (body: object) => send('set-marking-parameters', { as: { account: 'ops', role: 'market_operator' }, body })

beforeEach(() => floor.reset())

test('what is not named stays; versions are added, each from its instant on', async () => {
  expect(await set({ underlying: 'H100.USE', default_volatility: '65' })).toMatchObject({
    status: 200,
    body: { underlying: 'H100.USE', version: 1, set_by: 'ops', default_volatility: '65', rate: '0' },
  })
  const later = '2046-01-01T00:00:00.000Z'
  expect((await set({ underlying: 'H100.USE', effective_from: later, rate: '0.05' })).body).toMatchObject({
    version: 2,
    effective_from: later,
    default_volatility: '65',
    rate: '0.05',
  })
  const at = (instant: string) => send('get-marking-parameters', { query: { underlying: 'H100.USE', at: instant } })
  expect((await at('2045-01-01T00:00:00Z')).body).toMatchObject({ version: 1, rate: '0' })
  expect((await at(later)).body).toMatchObject({ version: 2, rate: '0.05' })
})

test('a change now is in what is set for later, which keeps what it names itself', async () => {
  const later = '2046-01-01T00:00:00.000Z'
  const of = { underlying: 'H100.USE' }
  await set({ ...of, effective_from: later, rate: '0.05' })
  await set({ ...of, rate: '0.04', default_volatility: '65' })
  const at = (instant: string) => send('get-marking-parameters', { query: { ...of, at: instant } })
  expect((await at('2045-01-01T00:00:00Z')).body).toMatchObject({ rate: '0.04', default_volatility: '65' })
  expect((await at(later)).body).toMatchObject({ version: 1, rate: '0.05', default_volatility: '65' })
})

test('a trader may not', async () => {
  expect(await send('set-marking-parameters', { body: { rate: '0.04' } })).toMatchObject({ status: 403 })
})

test.each([
  [{ max_spread: '0' }, '#/max_spread'],
  [{ default_volatility: 'NaN' }, '#/default_volatility'],
  [{ rate: '-0' }, '#/rate'],
  [{ correlation: '1e308' }, '#/correlation'],
  [{ interval_ms: 60_001 }, '#/interval_ms'],
  [{ min_interval_ms: 1.5 }, '#/min_interval_ms'],
  [{ effective_from: '2020-01-01T00:00:00Z' }, '#/effective_from'],
  [{ volatility: '65' }, '#/volatility'],
])('%j is refused by its name, and nothing is stored', async (body, pointer) => {
  expect(await set(body)).toMatchObject({ status: 400, body: { errors: [{ pointer }] } })
  expect(floor.tables.items('parameters')).toEqual([])
})
