import { beforeEach, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openPricingFloor } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)

beforeEach(() => floor.reset())

test('as the exchange comes, until somebody sets others', async () => {
  expect(await send('get-risk-parameters')).toMatchObject({
    status: 200,
    body: { underlying: null, version: 0, effective_from: null, price_scan_ppm: 200_000, max_age_ms: 3_600_000 },
  })
})

test('an underlying without its own has those of all', async () => {
  await send('set-risk-parameters', { as: { role: 'risk_manager' }, body: { price_scan_ppm: 300_000 } })
  const at = new Date(Date.now() + 1_000).toISOString()
  expect((await send('get-risk-parameters', { query: { underlying: 'H100.USE', at } })).body).toMatchObject({
    underlying: null,
    version: 1,
    price_scan_ppm: 300_000,
  })
})
