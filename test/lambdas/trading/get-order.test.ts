import { beforeEach, expect, test } from '@jest/globals'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { requests } from '#test/support/http-requests.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/trading/http.ts')
const send = requests(handler, tradingOperations)

beforeEach(() => {
  floor.reset()
})

const placed = async (): Promise<PlaceOrder> => {
  await send('place-order', {
    body: {
      instrument_name: instrumentName,
      direction: 'sell',
      amount: '2.5',
      price: '2.55',
      client_order_id: 'mine-1',
    },
  })
  const command = floor.put().at(-1)
  if (command?.type !== 'place-order') throw new Error('no order was put')
  return command
}

const get = (orderId: string, given: object = {}) => send('get-order', { path: { order_id: orderId }, ...given })

test('is pending until the projection has it', async () => {
  const { orderId } = await placed()
  expect(await get(orderId)).toMatchObject({
    status: 200,
    body: { order_id: orderId, order_state: 'pending', amount: '2.5', price: '2.55', direction: 'sell' },
  })
})

test('is told in decimals and instants as it stands', async () => {
  const command = await placed()
  floor.order(command, { filledLots: 3, filledTickLots: 152, updatedAtMillis: Date.UTC(2026, 6, 21, 9, 5, 8) })
  expect((await get(command.orderId)).body).toEqual({
    order_id: command.orderId,
    client_order_id: 'mine-1',
    expires_at: null,
    display_amount: null,
    trigger: null,
    trigger_price: null,
    triggered_at: null,
    post_only: false,
    reject_post_only: false,
    reduce_only: false,
    label: null,
    self_trade_prevention: 'none',
    instrument_name: instrumentName,
    direction: 'sell',
    amount: '2.5',
    price: '2.55',
    order_type: 'limit',
    time_in_force: 'good_til_cancelled',
    order_state: 'open',
    filled_amount: '0.3',
    average_price: '2.533333333333',
    reject_reason: null,
    cancel_reason: null,
    creation_timestamp: '2026-07-21T09:05:07.120Z',
    last_update_timestamp: '2026-07-21T09:05:08.000Z',
  })
})

test('of a market order tells no price, though the engine had a protection price', async () => {
  const command = await placed()
  floor.order({ ...command, orderType: 'market', timeInForce: 'immediate_or_cancel', priceTicks: 60 })
  expect((await get(command.orderId)).body).toMatchObject({ price: null, order_type: 'market' })
})

test('of another account is not found, pending or not', async () => {
  const command = await placed()
  const unknown = { status: 404, body: { code: 'unknown-order' } }
  expect(await get(command.orderId, { as: { account: 'other' } })).toMatchObject(unknown)
  floor.order(command)
  expect(await get(command.orderId, { as: { account: 'other' } })).toMatchObject(unknown)
  expect(await get(command.orderId, { as: { account: 'abroad' } })).toMatchObject(unknown)
  expect(await get(command.orderId)).toMatchObject({ status: 200 })
})

test('that nobody placed is not found; another command’s id is none', async () => {
  expect(await get('0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b21')).toMatchObject({ status: 404 })
  const command = await placed()
  floor.order(command)
  await send('cancel-order', { path: { order_id: command.orderId }, headers: { 'Idempotency-Key': 'c' } })
  const cancel = floor.put().at(-1)
  if (cancel?.type !== 'cancel-order') throw new Error('no cancel was put')
  expect(await get(cancel.commandId)).toMatchObject({ status: 404, body: { code: 'unknown-order' } })
})

test('without an open account is refused', async () => {
  expect(await get('0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b21', { as: { account: 'stranger' } })).toMatchObject({
    status: 403,
    body: { code: 'account-not-open' },
  })
})

test.each([
  '1',
  'NaN',
  '../accounts',
  '0190A6F2-5D3C-7B1E-9C57-3A1F0E6F9B21',
  '%00',
  '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b21 ',
])('the id %j is none', async orderId => {
  expect(await get(orderId)).toMatchObject({
    status: 400,
    body: { code: 'invalid-request', errors: [{ pointer: '#/path/order_id' }] },
  })
})

test('shows its instructions, and what came of them', async () => {
  const command = await placed()
  const at = Date.UTC(2026, 6, 21, 9, 5, 8)
  floor.order(command, {
    orderType: 'stop_limit',
    timeInForce: 'good_til_date',
    expiresAtMillis: Date.UTC(2046, 0, 1),
    displayLots: 5,
    trigger: 'mark_price',
    triggerTicks: 52,
    triggeredAtMillis: at,
    reduceOnly: true,
    label: 'hedges',
    selfTradePrevention: 'cancel_both',
    orderState: 'cancelled',
    cancelReason: 'self-trade',
  })
  expect((await get(command.orderId)).body).toMatchObject({
    order_state: 'cancelled',
    cancel_reason: 'self-trade',
    expires_at: '2046-01-01T00:00:00.000Z',
    display_amount: '0.5',
    trigger: 'mark_price',
    trigger_price: '2.6',
    triggered_at: '2026-07-21T09:05:08.000Z',
    reduce_only: true,
    label: 'hedges',
    self_trade_prevention: 'cancel_both',
  })
})
