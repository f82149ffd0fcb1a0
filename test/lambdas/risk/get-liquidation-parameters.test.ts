import { beforeEach, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
beforeEach(() => floor.reset())

test('the parameters of liquidation are as the exchange comes, until somebody sets them', async () => {
  expect(await send('get-liquidation-parameters')).toMatchObject({
    status: 200,
    body: {
      version: 0,
      effective_from: null,
      set_by: null,
      grace_ms: 300_000,
      buffer_ppm: 100_000,
      fund_limit_ppm: 300_000,
    },
  })
})
