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

const cancel = (given: object = {}) =>
  send('cancel-order-by-client-order-id', { query: { client_order_id: 'mine/1+' }, ...given })

describe('an order, by one’s own name for it', () => {
  test('is cancelled as by its id, while it is pending or waits too', async () => {
    expect(await cancel()).toMatchObject({ status: 202, body: { order_id: placed.orderId, order_state: 'pending' } })
    floor.order(placed, { orderState: 'untriggered' })
    expect(await cancel()).toMatchObject({ status: 202, body: { order_state: 'untriggered' } })
    expect(floor.put().map(({ type }) => type)).toEqual(['cancel-order', 'cancel-order'])
  })

  test('not where it is closed or not there', async () => {
    floor.order(placed, { orderState: 'cancelled' })
    expect(await cancel()).toMatchObject({ status: 409, body: { code: 'order-closed' } })
    expect(await cancel({ as: { account: 'other' } })).toMatchObject({ status: 404 })
    expect(floor.put()).toEqual([])
  })
})
