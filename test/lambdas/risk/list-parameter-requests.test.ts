import { beforeEach, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openPricingFloor } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const as = { account: 'rita', role: 'risk_manager' } as const

beforeEach(() => floor.reset())

test('requests are told by what they are of, newest first, with what they would change', async () => {
  const list = async (query: Readonly<Record<string, string>> = {}) =>
    (await send('list-parameter-requests', { as, query })).body['requests']
  expect(await list()).toEqual([])
  for (const move_ppm of [200_000, 300_000]) await send('set-risk-parameters', { as, body: { move_ppm } })
  await send('set-limit-scaling', { as, body: { step_ppm: 60_000 } })
  expect(await list()).toMatchObject([
    { parameters: 'risk', underlying: null, effective_from: null, changes: { move_ppm: 300_000 }, approved_by: null },
    { changes: { move_ppm: 200_000 }, request_state: 'awaiting_approval' },
  ])
  expect(await list({ parameters: 'limit-scaling' })).toMatchObject([{ changes: { step_ppm: 60_000 } }])
  expect(await send('list-parameter-requests', {})).toMatchObject({ status: 403 })
})
