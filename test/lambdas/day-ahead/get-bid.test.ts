import { beforeEach, expect, test } from '@jest/globals'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { seedBid, seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/day-ahead/http.ts')
const send = requests(handler, dayAheadOperations)
const [own, next, theirs] = ['81', '82', '83'].map(end => `0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b${end}`)

beforeEach(() => {
  floor.reset()
  seedDayAhead(floor.tables)
  seedBid(floor.tables, 'acme', 7, own ?? '')
  seedBid(floor.tables, 'other', 8, theirs ?? '')
})
const get = (bid_id: string | undefined) => send('get-bid', { path: { bid_id: bid_id ?? '' } })

test('a bid is told as it was sent, and as it stands', async () => {
  expect((await get(own)).body).toMatchObject({ bid_id: own, bid_state: 'accepted', held: '5.001', direction: 'buy' })
  seedBid(floor.tables, 'acme', 7, next ?? '', { replaces: own ?? '' })
  expect((await get(own)).body['bid_state']).toBe('replaced')
  expect((await get(next)).body).toMatchObject({ bid_state: 'accepted', replaces: own })
})

test('another’s is as one that is not there', async () => {
  for (const id of [theirs, '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b99'])
    expect(await get(id)).toMatchObject({ status: 404, body: { code: 'not-found' } })
})
