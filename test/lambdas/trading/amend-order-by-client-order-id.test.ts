import { beforeEach, describe, expect, test } from '@jest/globals'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/trading/http.ts')
const send = requests(handler, tradingOperations)

let placed: PlaceOrder

beforeEach(async () => {
  placed = await floor.placed(send, 'mine/1+')
})

const amend = (body: object, given: object = {}) =>
  send('amend-order-by-client-order-id', { query: { client_order_id: 'mine/1+' }, body, ...given })

describe('an order, by one’s own name for it', () => {
  test('is amended as by its id', async () => {
    floor.order(placed)
    expect(await amend({ amount: '2', price: '2.6' })).toMatchObject({
      status: 202,
      body: { order_id: placed.orderId },
    })
    expect(floor.put()).toMatchObject([
      { type: 'amend-order', orderId: placed.orderId, quantityLots: 20, priceTicks: 52 },
    ])
  })

  test('the same request name is the same amendment, whichever way the order is named', async () => {
    floor.order(placed)
    const named = { headers: { 'Idempotency-Key': 'a1' } }
    await amend({ amount: '2' }, named)
    await send('amend-order', { path: { order_id: placed.orderId }, body: { amount: '2' }, ...named })
    const [one, two] = floor.put()
    expect(two).toEqual(one)
    expect(await amend({ amount: '1' }, named)).toMatchObject({ status: 409, body: { code: 'idempotency-conflict' } })
  })

  test('while a stop waits; of one at market there is no price', async () => {
    floor.order(placed, { orderState: 'untriggered', orderType: 'stop_market', triggerTicks: 52 })
    expect(await amend({ price: '2.6' })).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: [{ pointer: '#/price' }] },
    })
    expect(floor.put()).toEqual([])
    expect(await amend({ amount: '2' })).toMatchObject({ status: 202, body: { order_state: 'untriggered' } })
  })

  test('not where it is closed or not there', async () => {
    floor.order(placed, { orderState: 'filled' })
    expect(await amend({ amount: '2' })).toMatchObject({ status: 409, body: { code: 'order-closed' } })
    expect(await amend({ amount: '2' }, { as: { account: 'other' } })).toMatchObject({ status: 404 })
    expect(await amend({})).toMatchObject({ status: 400 })
    expect(floor.put()).toEqual([])
  })
})
