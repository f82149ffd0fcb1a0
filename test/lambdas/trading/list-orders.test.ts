import { beforeEach, expect, test } from '@jest/globals'
import { type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { cursorScope, encodeCursor } from '#lambdas/shell/cursor.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { type Given, requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/trading/http.ts')
const send = requests(handler, tradingOperations)

const orderIdOf = (number: number): string => `0190a6f2-5d3c-7b1e-9c57-${String(number).padStart(12, '0')}`
const command = (number: number, accountId = 7): PlaceOrder => ({
  type: 'place-order',
  orderId: orderIdOf(number),
  accountId,
  instrumentId: 1,
  specificationVersion: 1,
  direction: 'buy',
  orderType: 'limit',
  timeInForce: 'good_til_cancelled',
  priceTicks: 51,
  quantityLots: 25,
  clientOrderId: '',
  ...plainInstructions,
})

beforeEach(() => {
  floor.reset()
  for (let number = 1; number <= 5; number++) floor.order(command(number), number === 3 ? { orderState: 'filled' } : {})
  floor.order(command(6), { instrumentName: 'A100.EUW-27NOV46' })
  floor.order(command(7, 8))
})

const list = async (query: Given['query'] = {}, as?: Given['as']) => {
  const { status, body } = await send('list-orders', { query, ...(as === undefined ? {} : { as }) })
  const data = Array.isArray(body['data']) ? body['data'] : []
  return {
    status,
    code: body['code'],
    ids: data.map((order: { order_id: string }) => Number(order.order_id.slice(-12))),
    next: typeof body['next_cursor'] === 'string' ? body['next_cursor'] : undefined,
  }
}

test('one’s own, newest first', async () => {
  expect(await list()).toMatchObject({ status: 200, ids: [6, 5, 4, 3, 2, 1], next: undefined })
  expect((await list({}, { account: 'other' })).ids).toEqual([7])
})

test('page by page, each once', async () => {
  const first = await list({ limit: '4' })
  expect(first.ids).toEqual([6, 5, 4, 3])
  const second = await list({ limit: '4', cursor: first.next ?? '' })
  expect(second).toMatchObject({ ids: [2, 1], next: undefined })
})

test('of one instrument or state', async () => {
  expect((await list({ instrument_name: 'A100.EUW-27NOV46' })).ids).toEqual([6])
  expect((await list({ order_state: 'filled' })).ids).toEqual([3])
  const open = await list({ order_state: 'open', limit: '3' })
  expect(open.ids).toEqual([6, 5, 4])
  expect((await list({ order_state: 'open', cursor: open.next ?? '' })).ids).toEqual([2, 1])
})

test('a cursor that is not ours is refused, never an error', async () => {
  const { next = '' } = await list({ limit: '2' })
  const refused = { status: 400, code: 'invalid-cursor' }
  expect(await list({ cursor: next }, { account: 'other' })).toMatchObject(refused)
  const changed = (next.startsWith('W') ? 'X' : 'W') + next.slice(1)
  const foreign = encodeCursor(cursorScope('list-trades', 'acme', {}), orderIdOf(3))
  const odd = encodeCursor(cursorScope('list-orders', 'acme', {}), { account_id: 8, order_id: orderIdOf(7) })
  const { next: ofBuys = '' } = await list({ limit: '2', direction: 'buy' })
  expect((await list({ limit: '2', direction: 'buy', cursor: ofBuys })).status).toBe(200)
  for (const cursor of [ofBuys, changed, foreign, odd, 'x', '{}', 'e30', '../..', 'A'.repeat(1024)])
    expect(await list({ cursor })).toMatchObject(refused)
})

test.each<[Record<string, string | string[]>, string]>([
  [{ limit: '0' }, '#/query/limit'],
  [{ limit: '501' }, '#/query/limit'],
  [{ limit: '-1' }, '#/query/limit'],
  [{ limit: '0x10' }, '#/query/limit'],
  [{ limit: '1e2' }, '#/query/limit'],
  [{ limit: '１２' }, '#/query/limit'],
  [{ limit: '' }, '#/query/limit'],
  [{ limit: ' 5' }, '#/query/limit'],
  [{ limit: ['1', '2'] }, '#/query/limit'],
  [{ order_state: 'pending' }, '#/query/order_state'],
  [{ instrument_name: 'x' }, '#/query/instrument_name'],
  [{ cursor: '' }, '#/query/cursor'],
  [{ cursor: 'A'.repeat(1025) }, '#/query/cursor'],
  [{ account: 'other' }, '#/query/account'],
])('%j is refused', async (query, pointer) => {
  expect(await send('list-orders', { query })).toMatchObject({
    status: 400,
    body: { code: 'invalid-request', errors: [{ pointer }] },
  })
})

test('without an open account is refused', async () => {
  expect(await list({}, { account: 'stranger' })).toMatchObject({ status: 403, code: 'account-not-open' })
})

test('of one label, direction or state, closed ones and stops that wait too', async () => {
  floor.order(command(8), { orderState: 'untriggered', label: 'hedges', direction: 'sell' })
  floor.order(command(9), { orderState: 'rejected', label: 'hedges' })
  expect((await list({ label: 'hedges' })).ids).toEqual([9, 8])
  expect((await list({ direction: 'sell' })).ids).toEqual([8])
  expect((await list({ order_state: 'untriggered' })).ids).toEqual([8])
  expect((await list({ order_state: 'closed' })).ids).toEqual([9, 3])
  expect((await list({ order_state: 'closed', label: 'hedges', limit: '1' })).ids).toEqual([9])
  expect((await list({ order_state: 'open' })).ids).toEqual([6, 5, 4, 2, 1])
  expect((await list({ order_state: 'pending' })).status).toBe(400)
})
