import { beforeEach, expect, test } from '@jest/globals'
import { putProcurementPolicy } from '#adapters/tables/procurement-policies.ts'
import { capacityForecastOperations } from '#protocol/operations/capacity-forecasts.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/capacity/http.ts')
const send = requests(handler, capacityForecastOperations)
beforeEach(() => floor.reset())

test('policies are listed by market, a page at a time, each account its own', async () => {
  for (const market of ['A100.USE', 'H100.USE', 'L40S.USE'])
    await putProcurementPolicy({
      account: 'acme',
      market,
      version: 1,
      revision: 1,
      mode: 'dry_run',
      budgetMicros: 5_000_000,
      coveredUnits: 0,
      setAtMillis: 1,
      setBy: 'acme',
    })
  const list = (query: Readonly<Record<string, string>> = {}, as: object = {}) =>
    send('list-procurement-policies', { query, ...as })
  const first = await list({ limit: '2' })
  expect(first.body['data']).toMatchObject([{ market: 'A100.USE', budget: '5' }, { market: 'H100.USE' }])
  const rest = await list({ limit: '2', cursor: String(first.body['next_cursor']) })
  expect(rest.body).toMatchObject({ data: [{ market: 'L40S.USE', mode: 'dry_run' }], next_cursor: null })
  expect((await list({ cursor: 'none' })).body['code']).toBe('invalid-cursor')
  expect((await list({}, { as: { account: 'bob' } })).body['data']).toEqual([])
})
