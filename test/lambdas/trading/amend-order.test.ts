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
  placed = await floor.placed(send, 'mine-1')
})

const amend = (body: unknown, given: object = {}) =>
  send('amend-order', { path: { order_id: placed.orderId }, body, ...given })

describe('an open order', () => {
  test.each([
    [{ amount: '2' }, { quantityLots: 20, priceTicks: 0 }],
    [{ price: '2.60' }, { quantityLots: 0, priceTicks: 52 }],
    [
      { amount: '3', price: '2.6' },
      { quantityLots: 30, priceTicks: 52 },
    ],
  ])('by %j', async (body, terms) => {
    floor.order(placed)
    expect(await amend(body)).toMatchObject({ status: 202, body: { order_state: 'open', amount: '2.5' } })
    expect(floor.put()).toEqual([
      { type: 'amend-order', commandId: expect.any(String), accountId: 7, orderId: placed.orderId, ...terms },
    ])
  })

  test('while it is pending', async () => {
    expect(await amend({ amount: '2' })).toMatchObject({ status: 202, body: { order_state: 'pending' } })
    expect(floor.put()).toMatchObject([{ type: 'amend-order', quantityLots: 20 }])
  })

  test('is answered as it then is, or with the engine’s reason, to whoever waits', async () => {
    floor.order(placed)
    floor.streams.onPut(command => {
      if (command.type !== 'amend-order') return
      floor.order(placed, { quantityLots: command.quantityLots })
      floor.outcome(command.commandId)
    })
    const waiting = { headers: { prefer: 'wait=2' } }
    expect(await amend({ amount: '2' }, waiting)).toMatchObject({
      status: 200,
      body: { amount: '2', order_state: 'open' },
    })
    floor.streams.onPut(command => {
      if (command.type === 'amend-order') floor.outcome(command.commandId, 'insufficient-funds')
    })
    expect(await amend({ amount: '200' }, waiting)).toMatchObject({ status: 422, body: { code: 'insufficient-funds' } })
  })

  test('the same name and body is the same command, another body a conflict', async () => {
    floor.order(placed)
    const named = { headers: { 'Idempotency-Key': 'a1' } }
    await amend({ amount: '2', price: '2.5' }, named)
    await amend({ price: '2.5', amount: '2' }, named)
    const [first, again] = floor.put()
    expect(again).toEqual(first)
    expect(await amend({ amount: '1', price: '2.5' }, named)).toMatchObject({
      status: 409,
      body: { code: 'idempotency-conflict' },
    })
    expect(floor.put()).toHaveLength(2)
    if (first?.type !== 'amend-order') throw new Error('no amendment was put')
    floor.outcome(first.commandId, 'no-liquidity')
    expect(await amend({ amount: '2', price: '2.5' }, named)).toMatchObject({
      status: 422,
      body: { code: 'no-liquidity' },
    })
    expect(floor.put()).toHaveLength(2)
  })
})

describe('nothing is put', () => {
  const refused = async (body: unknown, given: object = {}) => {
    const answer = await amend(body, given)
    expect(floor.put()).toEqual([])
    expect(floor.tables.items('commands')).toHaveLength(1)
    const errors = answer.body['errors']
    return [
      answer.status,
      answer.body['code'],
      ...(Array.isArray(errors) ? errors.map((error: { pointer: string }) => error.pointer) : []),
    ]
  }

  test('for terms that cannot be counted, or are filled already', async () => {
    floor.order(placed, { filledLots: 10, filledTickLots: 510 })
    const named = { headers: { 'Idempotency-Key': 'a1' } }
    expect(await refused({ price: '2.551' }, named)).toEqual([422, 'price-off-tick', '#/price'])
    expect(await refused({ price: '101' }, named)).toEqual([422, 'price-out-of-range', '#/price'])
    expect(await refused({ amount: '2.55' }, named)).toEqual([422, 'amount-off-lot', '#/amount'])
    expect(await refused({ amount: '999999999999' }, named)).toEqual([422, 'amount-out-of-range', '#/amount'])
    expect(await refused({ amount: '1' }, named)).toEqual([422, 'amount-below-filled', '#/amount'])
  })

  test('for an order that is closed, or another account’s', async () => {
    floor.order(placed, { orderState: 'filled' })
    expect(await refused({ amount: '2' })).toEqual([409, 'order-closed'])
    expect(await refused({ amount: '2' }, { as: { account: 'other' } })).toEqual([404, 'unknown-order'])
    expect(await refused({ amount: '2' }, { as: { account: 'stranger' } })).toEqual([403, 'account-not-open'])
  })

  test.each<[unknown, string]>([
    [{}, '#'],
    [[], '#'],
    [{ amount: 'NaN' }, '#/amount'],
    [{ amount: '-0' }, '#/amount'],
    [{ amount: '0' }, '#/amount'],
    [{ amount: 1e308 }, '#/amount'],
    [{ price: '0x10' }, '#/price'],
    [{ price: '１２' }, '#/price'],
    [{ price: null }, '#/price'],
    [{ amount: '2', direction: 'sell' }, '#/direction'],
  ])('for the body %j', async (body, pointer) => {
    floor.order(placed)
    expect(await refused(body)).toEqual([400, 'invalid-request', pointer])
  })
})
