import { beforeEach, expect, test } from '@jest/globals'
import { referenceOperations } from '#protocol/operations/reference.ts'
import { type Given, requests } from '#test/support/http-requests.ts'
import { marketDataOn } from '#test/support/market-data.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const data = marketDataOn(floor)
const { handler } = await import('#lambdas/reference/http.ts')
const send = requests(handler, referenceOperations)

const at = Date.UTC(2026, 6, 21, 9, 5, 7, 150)
const iso = (millis: number) => new Date(millis).toISOString()

beforeEach(() => {
  floor.reset()
  data.trade(9, at)
  data.trade(10, at, { isAuction: true, isBusted: true })
  data.trade(12, at)
  data.trade(30, at + 1_000)
})

const list = async (query: Given['query'] = {}, as?: Given['as']) => {
  const path = { instrument_name: instrumentName }
  const { status, body } = await send('list-market-trades', { path, query, ...(as === undefined ? {} : { as }) })
  const trades = Array.isArray(body['data']) ? body['data'] : []
  return {
    status,
    code: body['code'],
    numbers: trades.map((each: { trade_id: string }) => Number(each.trade_id.slice(2))),
    trades,
    next: typeof body['next_cursor'] === 'string' ? body['next_cursor'] : undefined,
  }
}

test('newest first, without whose they were; nobody takes in an auction', async () => {
  const { numbers, trades, next } = await list()
  expect([numbers, next]).toEqual([[30, 12, 10, 9], undefined])
  expect(trades.slice(1, 3)).toEqual([
    {
      trade_id: '1-0000000000000012',
      price: '2.55',
      amount: '2.5',
      direction: 'sell',
      is_auction: false,
      is_busted: false,
      timestamp: '2026-07-21T09:05:07.150Z',
    },
    expect.objectContaining({ direction: null, is_auction: true, is_busted: true }),
  ])
})

test('page by page, each once; of another span a cursor is none', async () => {
  const first = await list({ limit: '2' })
  const second = await list({ limit: '2', cursor: first.next ?? '' })
  expect([first.numbers, second.numbers, second.next]).toEqual([[30, 12], [10, 9], undefined])
  const refused = { status: 400, code: 'invalid-cursor' }
  expect(await list({ limit: '2', cursor: first.next ?? '', end: iso(at + 5_000) })).toMatchObject(refused)
})

test('from an instant on and before another', async () => {
  expect((await list({ start: iso(at), end: iso(at + 1_000) })).numbers).toEqual([12, 10, 9])
  expect((await list({ start: iso(at + 1) })).numbers).toEqual([30])
  expect((await list({ start: iso(at + 1_000), end: iso(at) })).numbers).toEqual([])
  expect((await list({ start: '0001-01-01T00:00:00Z', end: '9999-12-31T23:59:59Z' })).numbers).toHaveLength(4)
})

test('what is no cursor of ours, no instant or no market is refused', async () => {
  const { next = '' } = await list({ limit: '1' })
  expect(await list({ cursor: `${next}A` })).toMatchObject({ status: 400, code: 'invalid-cursor' })
  expect(await list({ cursor: next }, { account: 'other' })).toMatchObject({ status: 400, code: 'invalid-cursor' })
  expect(await list({ start: 'yesterday' })).toMatchObject({ status: 400, code: 'invalid-request' })
  expect(await send('list-market-trades', { path: { instrument_name: 'NO.SUCH-27NOV46' } })).toMatchObject({
    status: 404,
  })
})
