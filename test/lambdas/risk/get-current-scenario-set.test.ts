import { beforeEach, expect, test } from '@jest/globals'
import { riskOperations } from '#protocol/operations/risk.ts'
import { lambdaContext, requests } from '#test/support/http-requests.ts'
import { futureName, underlying } from '#test/support/pricing-floor.ts'
import { openRiskFloor } from '#test/support/risk-floor.ts'

const floor = openRiskFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const maker = await import('#lambdas/risk/make-risk-epoch.ts')
const send = requests(handler, riskOperations)

beforeEach(() => floor.reset())

test('none before the first epoch', async () => {
  expect(await send('get-current-scenario-set')).toMatchObject({
    status: 404,
    body: { code: 'not-found', detail: 'No epoch of risk is in force yet.' },
  })
})

test('the scenarios of the epoch in force, in which lane since when, and what has no value', async () => {
  floor.index('2.5')
  floor.activate(1)
  await floor.listFuture(1)
  await maker.handler({}, lambdaContext)
  const { status, body } = await send('get-current-scenario-set')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    scenario_set_version: 1,
    epoch_version: 1,
    reasons: ['first'],
    lanes: [{ lane: 1, epoch_version: 1, adopted_at: expect.any(String) }],
    look_ahead_ms: 86_400_000,
    underlyings: [
      {
        name: underlying,
        family: 'H100',
        level: '2.5',
        price_scan_ppm: 200_000,
        volatility_scan: '15',
        concentration_threshold_units: 2_000_000,
        concentration_charge_micros: 125_000,
      },
    ],
    instruments: 1,
    bounded_instruments: [{ instrument_name: futureName, reason: `unpriceable ${futureName}/market` }],
  })
  const { scenarios } = body as { scenarios: { name: string; moves: unknown }[] }
  expect(scenarios).toHaveLength(16)
  expect(scenarios.find(({ name }) => name === 'all -3/3 v+')?.moves).toEqual([
    { underlying, price: -0.2, volatility: 0.15, reach: -0.2 },
  ])
})
