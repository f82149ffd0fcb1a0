import { beforeEach, expect, test } from '@jest/globals'
import { tradeIdOf } from '#adapters/market-keys.ts'
import { tradePut } from '#adapters/tables/trades.ts'
import { cursorScope, encodeCursor } from '#lambdas/shell/cursor.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { type Given, requests } from '#test/support/http-requests.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/trading/http.ts')
const send = requests(handler, tradingOperations)

const orderId = '0190a6f2-5d3c-7b1e-9c57-000000000001'
const otherOrderId = '0190a6f2-5d3c-7b1e-9c57-000000000002'

const trade = (outSeq: number, liquidity: 'maker' | 'taker', accountId = 7, ownOrderId = orderId): void =>
  floor.seed(
    'trades',
    tradePut({
      accountId,
      tradeId: tradeIdOf(1, outSeq),
      orderId: ownOrderId,
      instrumentName,
      instrumentId: 1,
      tickSize: '0.05',
      minTradeAmount: '0.1',
      direction: liquidity === 'taker' ? 'sell' : 'buy',
      priceTicks: 51,
      quantityLots: 25,
      feeMicros: liquidity === 'taker' ? 3_188 : 0,
      liquidity,
      atMillis: Date.UTC(2026, 6, 21, 9, 5, 7, 150),
      eventId: `1:0:${outSeq}`,
      lane: 1,
      outSeq,
      counterpartyAccountId: 8,
      counterpartyOrderId: otherOrderId,
      counterpartyFeeMicros: 0,
    }),
  )

beforeEach(() => {
  floor.reset()
  trade(9, 'maker')
  trade(10, 'maker', 7, otherOrderId)
  trade(10, 'taker')
  trade(11, 'taker', 8)
})

const list = async (query: Given['query'] = {}, as?: Given['as']) => {
  const { status, body } = await send('list-trades', { query, ...(as === undefined ? {} : { as }) })
  const data = Array.isArray(body['data']) ? body['data'] : []
  return {
    status,
    code: body['code'],
    fills: data.map(
      (each: { trade_id: string; liquidity: string }) => `${Number(each.trade_id.slice(2))} ${each.liquidity}`,
    ),
    data,
    next: typeof body['next_cursor'] === 'string' ? body['next_cursor'] : undefined,
  }
}

test('one’s own fills, newest first, both sides of a trade with oneself', async () => {
  expect(await list()).toMatchObject({ status: 200, fills: ['10 taker', '10 maker', '9 maker'], next: undefined })
  expect((await list({}, { account: 'other' })).fills).toEqual(['11 taker'])
})

test('in decimals, and without the other side', async () => {
  const [fill] = (await list({ limit: '1' })).data
  expect(fill).toEqual({
    trade_id: '1-0000000000000010',
    order_id: orderId,
    instrument_name: instrumentName,
    direction: 'sell',
    price: '2.55',
    amount: '2.5',
    fee: '0.003188',
    fee_currency: 'USD',
    liquidity: 'taker',
    is_busted: false,
    timestamp: '2026-07-21T09:05:07.150Z',
  })
})

test('page by page, each once', async () => {
  const first = await list({ limit: '1' })
  const second = await list({ limit: '1', cursor: first.next ?? '' })
  const third = await list({ limit: '1', cursor: second.next ?? '' })
  expect([first, second, third].flatMap(({ fills }) => fills)).toEqual(['10 taker', '10 maker', '9 maker'])
  expect(third.next).toBeUndefined()
})

test('of one order or instrument', async () => {
  expect((await list({ order_id: otherOrderId })).fills).toEqual(['10 maker'])
  expect((await list({ instrument_name: 'A100.EUW-27NOV46' })).fills).toEqual([])
})

test('a cursor that is not ours is refused', async () => {
  const { next = '' } = await list({ limit: '1' })
  const odd = encodeCursor(cursorScope('list-trades', 'acme', {}), '1-1')
  expect(await list({ cursor: odd })).toMatchObject({ status: 400, code: 'invalid-cursor' })
  expect(await list({ cursor: next }, { account: 'other' })).toMatchObject({ status: 400, code: 'invalid-cursor' })
  expect(await list({ cursor: `${next}A` })).toMatchObject({ status: 400, code: 'invalid-cursor' })
})

test('a bad query, or no open account, is refused', async () => {
  expect(await list({ order_id: '1' })).toMatchObject({ status: 400, code: 'invalid-request' })
  expect(await list({}, { account: 'stranger' })).toMatchObject({ status: 403, code: 'account-not-open' })
})
