import { beforeEach, expect, test } from '@jest/globals'
import { partnersOperations } from '#protocol/operations/partners.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/partners/http.ts')
const send = requests(handler, partnersOperations)
beforeEach(() => floor.reset())

test('the engine is off as the exchange comes, for the account and for the tenant', async () => {
  for (const scope of ['account', 'tenant'])
    expect(await send('get-arbitrage-policy', { query: { scope } })).toMatchObject({
      status: 200,
      body: { scope, version: 0, mode: 'off', effective_mode: 'off', set_at: null, preemption_ppm: 50_000 },
    })
})
