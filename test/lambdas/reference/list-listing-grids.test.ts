import { beforeEach, expect, test } from '@jest/globals'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { requests } from '#test/support/http-requests.ts'
import { seedIndex } from '#test/support/index-desk.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/reference/http.ts')
const send = requests(handler, referenceOperations)
const rule = {
  kind: 'future',
  underlying: 'H100.USE',
  expiries: [{ every: 'day', next: 2 }],
  tick_size: '0.001',
  min_trade_amount: '1',
  max_price: '12',
}

beforeEach(() => {
  floor.reset()
  seedIndex(floor.tables)
})

test('are told by name, as they are in effect', async () => {
  const set = (grid: string, more: object = {}) =>
    send('set-listing-grid', {
      path: { grid },
      body: { rule, ...more },
      as: { account: 'operator', role: 'market_operator' },
    })
  expect((await send('list-listing-grids')).body).toEqual({ data: [] })
  await set('weeks')
  await set('days')
  await set('later', { effective_from: '2046-01-01T00:00:00Z' })
  expect((await send('list-listing-grids')).body).toMatchObject({ data: [{ grid: 'days' }, { grid: 'weeks' }] })
})
