import { beforeEach, expect, test } from '@jest/globals'
import { partnersOperations } from '#protocol/operations/partners.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/partners/http.ts')
const send = requests(handler, partnersOperations)
beforeEach(() => floor.reset())

const operator = { account: 'desk', role: 'market_operator' } as const
const tenant = (body: object) => send('set-arbitrage-policy', { as: operator, query: { scope: 'tenant' }, body })

test('what is named changes, the rest stays; in force is the lesser of the account’s and the tenant’s mode', async () => {
  const { status, body } = await send('set-arbitrage-policy', { body: { mode: 'live', max_outlay: '2500.50' } })
  expect([status, body['version'], body['mode'], body['effective_mode']]).toEqual([200, 1, 'live', 'off'])
  expect((await tenant({ mode: 'dry_run' })).body).toMatchObject({ scope: 'tenant', mode: 'dry_run', set_by: 'desk' })
  const again = await send('set-arbitrage-policy', {
    body: { regions: [{ region: 'USE', partner_regions: ['us-east1'] }], venues: ['futures', 'futures'] },
  })
  expect(again.body).toMatchObject({
    version: 2,
    effective_mode: 'dry_run',
    max_outlay: '2500.5',
    venues: ['futures'],
    regions: [{ region: 'USE', partner_regions: ['us-east1'] }],
  })
})

test('the tenant’s is for who manages partners; an account needs to be open', async () => {
  const { status, body } = await send('set-arbitrage-policy', { query: { scope: 'tenant' }, body: { mode: 'live' } })
  expect([status, body['code']]).toEqual([403, 'forbidden'])
  const closed = await send('set-arbitrage-policy', { as: { account: 'nobody' }, body: { mode: 'live' } })
  expect(closed.body['code']).toBe('account-not-open')
})

test('what contradicts itself or is no number is refused, and nothing changes', async () => {
  const twice = { region: 'USE', partner_regions: ['a'] }
  for (const body of [
    { regions: [twice, twice] },
    { mode: 'always' },
    { max_outlay: '-1' },
    { preemption_ppm: 1_000_001 },
    { max_daily_executions: 1.5 },
    { most: 1 },
  ])
    expect((await send('set-arbitrage-policy', { body })).status).toBe(400)
  expect((await send('get-arbitrage-policy')).body['version']).toBe(0)
})
