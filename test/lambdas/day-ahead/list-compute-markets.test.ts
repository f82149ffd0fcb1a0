import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/day-ahead/http.ts')
const send = requests(handler, dayAheadOperations)

beforeEach(() => {
  jest.spyOn(Date, 'now').mockReturnValue(Date.parse('2045-12-31T13:00:00Z'))
  floor.reset()
  seedDayAhead(floor.tables)
})
afterEach(() => {
  jest.restoreAllMocks()
})

test('markets come with their units, gate times and next delivery dates', async () => {
  const { status, body } = await send('list-compute-markets')
  expect(status).toBe(200)
  expect(body['data']).toMatchObject([
    {
      market: 'H100.USE',
      resource_class: 'H100',
      region: 'USE',
      lane: 1,
      tick_size: '0.05',
      maker_commission: '0.0002',
      gate_closes_before_ms: 43_200_000,
      is_active: true,
    },
  ])
  const [market]: readonly { auctions: readonly object[] }[] = JSON.parse(JSON.stringify(body['data']))
  expect(market?.auctions).toHaveLength(7)
  expect(market?.auctions.slice(0, 3)).toEqual([
    {
      delivery_date: '2046-01-01',
      auction_state: 'done',
      gate_opens: '2045-12-29T00:00:00.000Z',
      gate_closes: '2045-12-31T12:00:00.000Z',
    },
    expect.objectContaining({ delivery_date: '2046-01-02', auction_state: 'open' }),
    expect.objectContaining({ delivery_date: '2046-01-03', auction_state: 'announced' }),
  ])
})

test('another lane has none, and one that is none is refused', async () => {
  expect((await send('list-compute-markets', { query: { lane: '2' } })).body['data']).toEqual([])
  expect((await send('list-compute-markets', { query: { lane: '7' } })).body['code']).toBe('invalid-request')
})
