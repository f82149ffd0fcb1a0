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
  expiries: [{ every: 'friday', next: 4 }],
  tick_size: '0.001',
  min_trade_amount: '1',
  max_price: '12',
}
const get = (grid: string) => send('get-listing-grid', { path: { grid } })

beforeEach(() => {
  floor.reset()
  seedIndex(floor.tables)
})

test('tells its versions, newest first, and the one of now', async () => {
  const as = { account: 'operator', role: 'market_operator' } as const
  const path = { grid: 'weeks' }
  await send('set-listing-grid', { path, body: { rule }, as })
  const later = { effective_from: '2046-01-01T00:00:00Z', rule: { ...rule, max_price: '15' } }
  await send('set-listing-grid', { path, body: later, as })
  expect((await get('weeks')).body).toMatchObject({
    grid: 'weeks',
    in_effect: { version: 1, rule: { max_price: '12' } },
    versions: [
      { version: 2, effective_from: '2046-01-01T00:00:00.000Z', rule: { max_price: '15' } },
      { version: 1, set_by: 'operator' },
    ],
  })
})

test('that nobody set is not found', async () => {
  expect(await get('months')).toMatchObject({ status: 404, body: { code: 'not-found' } })
  expect(await get('no grid')).toMatchObject({ status: 400 })
})
