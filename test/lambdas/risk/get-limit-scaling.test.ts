import { beforeEach, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)

beforeEach(() => floor.reset())

test('the rule that the exchange comes with is told until somebody sets one', async () => {
  const { status, body } = await send('get-limit-scaling', { as: { account: 'acme', role: 'trader' } })
  expect([status, body]).toEqual([
    200,
    {
      underlying: null,
      version: 0,
      effective_from: null,
      set_by: null,
      floor_ppm: 200_000,
      ceiling_ppm: 1_000_000,
      reference_volatility_ppm: 800_000,
      reference_depth: '0',
      depth_ppm: 50_000,
      window_minutes: 60,
      step_ppm: 50_000,
    },
  ])
})
