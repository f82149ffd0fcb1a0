import { beforeEach, expect, test } from '@jest/globals'
import { pricingOperations } from '#protocol/operations/pricing.ts'
import { requests } from '#test/support/http-requests.ts'
import { openPricingFloor } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/pricing/http.ts')
const send = requests(handler, pricingOperations)

beforeEach(() => floor.reset())

test('as the exchange comes, until somebody sets others', async () => {
  expect(await send('get-marking-parameters')).toMatchObject({
    status: 200,
    body: { underlying: null, version: 0, effective_from: null, default_volatility: '80', interval_ms: 60_000 },
  })
})

test('an underlying without its own has those of all', async () => {
  await send('set-marking-parameters', { as: { role: 'market_operator' }, body: { rate: '0.04' } })
  const at = new Date(Date.now() + 1_000).toISOString()
  expect((await send('get-marking-parameters', { query: { underlying: 'H100.USE', at } })).body).toMatchObject({
    underlying: null,
    version: 1,
    rate: '0.04',
  })
})
