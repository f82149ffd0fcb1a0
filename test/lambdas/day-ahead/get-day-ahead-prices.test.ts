import { beforeEach, expect, test } from '@jest/globals'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { clearedDate, openDate, seedAuction, seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/day-ahead/http.ts')
const send = requests(handler, dayAheadOperations)

beforeEach(() => {
  floor.reset()
  seedDayAhead(floor.tables)
})
const prices = (delivery_date: string, query = {}) => send('get-day-ahead-prices', { path: { delivery_date }, query })

test('prices come by market and hour, with the certificate in USD', async () => {
  const { status, body } = await prices(clearedDate)
  expect([status, body['auction_state']]).toEqual([200, 'done'])
  expect(body['prices']).toHaveLength(24)
  expect(body['prices']).toContainEqual({
    market: 'H100.USE',
    hour: 18,
    price: '2.5',
    bought: '2',
    sold: '2',
    instrument_name: 'H100.USE-01JAN46-H18',
  })
  expect(body['prices']).toContainEqual(expect.objectContaining({ hour: 3, price: null, instrument_name: null }))
  expect(body['certificates']).toMatchObject([
    {
      markets: ['H100.USE'],
      welfare: '1',
      steps_welfare: '0.9',
      bound: '1.1',
      gap_ppm: 100_000,
      witness_prices: [{ market: 'H100.USE', hour: 18, price: '2.5' }],
      blocks_accepted: 1,
      blocks_paradoxically_rejected: 1,
    },
  ])
})

test.each([
  ['open', 'Its gate closes at 2046-01-01T12:00:00.000Z; prices follow within minutes.'],
  ['closed', 'Its gate is closed, and it is being cleared.'],
  ['failed', 'It could not be cleared yet, and is tried again within a quarter of an hour.'],
])('before it is cleared, being %s, 404 says when', async (state, detail) => {
  seedAuction(floor.tables, openDate, state)
  expect(await prices(openDate)).toMatchObject({ status: 404, body: { code: 'not-cleared', detail } })
})

test('of what was cancelled, or never auctioned and is past, 404 says that there will be none', async () => {
  seedAuction(floor.tables, openDate, 'cancelled')
  expect(await prices(openDate)).toMatchObject({
    status: 404,
    body: { code: 'never-cleared', detail: 'It was cancelled: it was too late.' },
  })
  expect(await prices('2026-01-01')).toMatchObject({
    status: 404,
    body: { code: 'never-cleared', detail: 'There was no auction of 2026-01-01.' },
  })
})

test('of a date whose auction is to come 404 says when', async () => {
  expect((await prices('2047-01-01')).body).toMatchObject({
    code: 'not-cleared',
    detail: 'The gate of 2047-01-01 opens at 2046-12-29T00:00:00.000Z and closes at 2046-12-31T12:00:00.000Z.',
  })
  expect((await prices(clearedDate, { lane: '7' })).body['code']).toBe('invalid-request')
})
