import { beforeEach, expect, test } from '@jest/globals'
import { capacityForecastOperations } from '#protocol/operations/capacity-forecasts.ts'
import { dayAheadMarket, seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/capacity/http.ts')
const send = requests(handler, capacityForecastOperations)
beforeEach(() => {
  floor.reset()
  seedDayAhead(floor.tables)
})

test('a policy is of a market of the lane, and of whoever has an account', async () => {
  const set = (market: string, body: object, as: object = {}) =>
    send('set-procurement-policy', { path: { market }, body, ...as })
  const terms = { mode: 'live', budget: '2000.50', max_price: '4', covered_units: 2, max_units: 64 }
  expect(await set(dayAheadMarket, terms)).toMatchObject({
    status: 200,
    body: { market: dayAheadMarket, ...terms, budget: '2000.5', version: 1, last_run: null },
  })
  // The whole of it each time: what is left out is as though it had never been told.
  expect((await set(dayAheadMarket, { mode: 'off', budget: '1' })).body).toMatchObject({
    mode: 'off',
    max_price: null,
    covered_units: 0,
    max_units: null,
    version: 2,
  })
  expect((await set('B200.EUW', terms)).body['code']).toBe('not-found')
  expect((await set(dayAheadMarket, terms, { as: { account: 'nobody' } })).body['code']).toBe('account-not-open')
})

test('terms that are none are refused', async () => {
  for (const body of [
    { mode: 'on', budget: '1' },
    { mode: 'live' },
    { mode: 'live', budget: '-1' },
    { mode: 'live', budget: '1', max_price: '0' },
    { mode: 'live', budget: '1', max_units: 0 },
    { mode: 'live', budget: '1', covered_units: 0.5 },
    { mode: 'live', budget: '1', venues: [] },
  ])
    expect((await send('set-procurement-policy', { path: { market: dayAheadMarket }, body })).status).toBe(400)
  expect((await send('list-procurement-policies')).body).toEqual({ data: [], next_cursor: null })
})
