import { beforeEach, expect, test } from '@jest/globals'
import { dayAheadOperations } from '#protocol/operations/day-ahead.ts'
import { openDate, seedBid, seedDayAhead } from '#test/support/day-ahead-desk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/day-ahead/http.ts')
const send = requests(handler, dayAheadOperations)
const [first, second, third] = ['81', '82', '83'].map(end => `0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b${end}`)

beforeEach(() => {
  floor.reset()
  seedDayAhead(floor.tables)
  seedBid(floor.tables, 'acme', 7, first ?? '')
  seedBid(floor.tables, 'acme', 7, second ?? '', { code: 'insufficient-funds' })
  seedBid(floor.tables, 'other', 8, third ?? '')
})

test('bids are the account’s own, each with what became of it', async () => {
  const { status, body } = await send('list-bids', { query: { delivery_date: openDate } })
  expect(status).toBe(200)
  expect(body['data']).toMatchObject([
    { bid_id: first, bid_state: 'accepted', reject_reason: null },
    { bid_id: second, bid_state: 'rejected', reject_reason: 'insufficient-funds' },
  ])
})

test('a bid of which the engine’s answer is forgotten stays what it was when its gate was closed', async () => {
  floor.reset()
  seedDayAhead(floor.tables)
  seedBid(floor.tables, 'acme', 7, first ?? '', {
    isAnswered: false,
    ended: { state: 'rejected', code: 'gate-closed' },
  })
  seedBid(floor.tables, 'acme', 7, second ?? '', { isAnswered: false, ended: { state: 'withdrawn' } })
  seedBid(floor.tables, 'acme', 7, third ?? '', { isAnswered: false })
  expect((await send('list-bids', { query: { delivery_date: openDate } })).body['data']).toMatchObject([
    { bid_id: first, bid_state: 'rejected', reject_reason: 'gate-closed', held: '0' },
    { bid_id: second, bid_state: 'withdrawn', reject_reason: null, held: '0' },
    { bid_id: third, bid_state: 'pending' },
  ])
})

test('bids come page by page, of one state where asked', async () => {
  const ask = (query: Readonly<Record<string, string>>) =>
    send('list-bids', { query: { delivery_date: openDate, ...query } })
  const { body: page } = await ask({ limit: '1' })
  expect(page['data']).toMatchObject([{ bid_id: first }])
  const { body: rest } = await ask({ limit: '1', cursor: String(page['next_cursor']) })
  expect(rest).toMatchObject({ data: [{ bid_id: second }], next_cursor: null })
  const { body: open } = await ask({ bid_state: 'accepted' })
  expect(open).toMatchObject({ data: [{ bid_id: first }], next_cursor: null })
  const stolen = await ask({ bid_state: 'accepted', cursor: String(page['next_cursor']) })
  expect([stolen.status, stolen.body['code']]).toEqual([400, 'invalid-cursor'])
})

test('of a date that has no auction there are none; an account that is not open has none to ask for', async () => {
  expect((await send('list-bids', { query: { delivery_date: '2047-01-01' } })).body['data']).toEqual([])
  const nobody = { as: { account: 'nobody', role: 'trader' as const }, query: { delivery_date: openDate } }
  expect((await send('list-bids', nobody)).body['code']).toBe('account-not-open')
})
