import { beforeEach, describe, expect, test } from '@jest/globals'
import type { CancelOrder, PlaceOrder } from '#domain/trading/commands.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/trading/http.ts')
const send = requests(handler, tradingOperations)

let placed: PlaceOrder

beforeEach(async () => {
  placed = await floor.placed(send, 'mine-1')
})

const cancel = (given: object = {}) => send('cancel-order', { path: { order_id: placed.orderId }, ...given })
const cancels = (): readonly CancelOrder[] => floor.put().filter(command => command.type === 'cancel-order')

describe('an open order', () => {
  test('is answered as it stands, the command being on its way', async () => {
    floor.order(placed)
    const answer = await cancel()
    expect(answer).toMatchObject({ status: 202, body: { order_id: placed.orderId, order_state: 'open' } })
    expect(answer.headers['location']).toBe(`/api/v1/orders/${placed.orderId}`)
    expect(floor.put()).toEqual([
      {
        type: 'cancel-order',
        commandId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
        accountId: 7,
        orderId: placed.orderId,
      },
    ])
    expect(floor.tables.items('commands')).toHaveLength(1)
  })

  test('may be cancelled while it is pending', async () => {
    expect(await cancel()).toMatchObject({ status: 202, body: { order_state: 'pending' } })
    expect(cancels()).toHaveLength(1)
  })

  test('is answered as it ends up, to whoever waits', async () => {
    floor.order(placed)
    floor.streams.onPut(command => {
      if (command.type !== 'cancel-order') return
      setTimeout(() => {
        floor.order(placed, {
          orderState: 'cancelled',
          cancelReason: 'user-request',
          filledLots: 5,
          filledTickLots: 255,
        })
        floor.outcome(command.commandId)
      }, 30)
    })
    const answer = await cancel({ headers: { prefer: 'wait=2' } })
    expect(answer).toMatchObject({
      status: 200,
      body: { order_state: 'cancelled', cancel_reason: 'user-request', filled_amount: '0.5', average_price: '2.55' },
    })
    expect(answer.headers['preference-applied']).toBe('wait=2')
  })

  test('that the engine closed in between is said to be', async () => {
    floor.order(placed)
    floor.streams.onPut(command => {
      if (command.type === 'cancel-order') floor.outcome(command.commandId, 'order-closed')
    })
    const answer = await cancel({ headers: { prefer: 'wait=2' } })
    expect(answer).toMatchObject({ status: 409, body: { code: 'order-closed' } })
    expect(answer.headers['preference-applied']).toBe('wait=2')
  })

  test('whose outcome takes longer is answered with 202', async () => {
    floor.order(placed)
    expect(await cancel({ headers: { prefer: 'wait=1' } })).toMatchObject({
      status: 202,
      body: { order_state: 'open' },
    })
  })
})

describe('named by Idempotency-Key', () => {
  const named = { headers: { 'Idempotency-Key': 'c1' } }

  test('the same command is put again until its outcome is known', async () => {
    floor.order(placed)
    await cancel(named)
    await cancel(named)
    const [first, again] = cancels()
    expect(again).toEqual(first)
    floor.order(placed, { orderState: 'cancelled', cancelReason: 'user-request' })
    floor.outcome(first?.commandId ?? '')
    expect(await cancel(named)).toMatchObject({ status: 200, body: { order_state: 'cancelled' } })
    expect(cancels()).toHaveLength(2)
    // Under another name it is another request, of an order that is closed.
    expect(await cancel()).toMatchObject({ status: 409, body: { code: 'order-closed' } })
  })

  test('another order under the same name is a conflict', async () => {
    floor.order(placed)
    await cancel(named)
    const otherId = '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b21'
    floor.order({ ...placed, orderId: otherId })
    expect(await send('cancel-order', { path: { order_id: otherId }, ...named })).toMatchObject({
      status: 409,
      body: { code: 'idempotency-conflict' },
    })
    expect(cancels()).toHaveLength(1)
  })

  test('an amendment may have the same name', async () => {
    floor.order(placed)
    await cancel(named)
    expect(
      await send('amend-order', { path: { order_id: placed.orderId }, body: { amount: '2' }, ...named }),
    ).toMatchObject({ status: 202 })
  })
})

describe('nothing is put', () => {
  test.each(['filled', 'rejected', 'cancelled'] as const)('for an order that is %s', async orderState => {
    floor.order(placed, { orderState })
    expect(await cancel()).toMatchObject({ status: 409, body: { code: 'order-closed' } })
    expect(await cancel({ headers: { 'Idempotency-Key': 'c1' } })).toMatchObject({ status: 409 })
    expect(floor.put()).toEqual([])
    expect(floor.tables.items('commands')).toHaveLength(1)
  })

  test('for another account’s order', async () => {
    floor.order(placed)
    expect(await cancel({ as: { account: 'other' } })).toMatchObject({ status: 404, body: { code: 'unknown-order' } })
    expect(floor.put()).toEqual([])
  })

  test('without an open account, a permission, or a fitting request', async () => {
    expect(await cancel({ as: { account: 'stranger' } })).toMatchObject({
      status: 403,
      body: { code: 'account-not-open' },
    })
    expect(await cancel({ as: { role: 'compliance_officer' } })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    })
    expect(await cancel({ body: { reason: 'x' } })).toMatchObject({ status: 400, body: { errors: [{ pointer: '#' }] } })
    expect(await cancel({ query: { force: '1' } })).toMatchObject({ body: { errors: [{ pointer: '#/query/force' }] } })
    expect(await send('cancel-order', { path: { order_id: 'x' } })).toMatchObject({ status: 400 })
    expect(floor.put()).toEqual([])
  })
})
