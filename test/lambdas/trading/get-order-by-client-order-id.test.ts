import { beforeEach, describe, expect, test } from '@jest/globals'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { requests } from '#test/support/http-requests.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/trading/http.ts')
const send = requests(handler, tradingOperations)

let placed: PlaceOrder

beforeEach(async () => {
  placed = await floor.placed(send, 'mine/1+')
})

const get = (client_order_id: string, given: object = {}) =>
  send('get-order-by-client-order-id', { query: { client_order_id }, ...given })

describe('one’s own name for an order', () => {
  test('finds it at once, and as it is projected', async () => {
    expect(await get('mine/1+')).toMatchObject({
      status: 200,
      body: { order_id: placed.orderId, order_state: 'pending' },
    })
    floor.order(placed, { orderState: 'untriggered', label: 'x', triggerTicks: 52, trigger: 'mark_price' })
    expect(await get('mine/1+')).toMatchObject({
      body: { order_state: 'untriggered', label: 'x', trigger_price: '2.6', trigger: 'mark_price' },
    })
  })

  test('is nobody else’s, and no key of a request', async () => {
    const unknown = { status: 404, body: { code: 'unknown-order' } }
    expect(await get('mine/1+', { as: { account: 'other' } })).toMatchObject(unknown)
    expect(await get('mine/2')).toMatchObject(unknown)
    expect(await get('mine/1+', { as: { account: 'stranger' } })).toMatchObject({ status: 403 })
    const body = { instrument_name: instrumentName, direction: 'buy', amount: '1', price: '1' }
    expect(await send('place-order', { body, headers: { 'Idempotency-Key': 'key-1' } })).toMatchObject({ status: 202 })
    expect(await get('key-1')).toMatchObject(unknown)
  })

  test('is asked for once', async () => {
    expect(await send('get-order-by-client-order-id', {})).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '#/query/client_order_id' }] },
    })
  })
})
