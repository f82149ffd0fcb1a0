import { beforeEach, describe, expect, test } from '@jest/globals'
import { outcomePut } from '#adapters/tables/outcomes.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { requests } from '#test/support/http-requests.ts'
import { openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/trading/http.ts')
const send = requests(handler, tradingOperations)
beforeEach(() => floor.reset())

const cancelAll = (body: object, given: object = {}) => send('cancel-orders', { body, ...given })
const done = (commandId: string, cancelledOrders?: number) =>
  floor.seed(
    'outcomes',
    outcomePut({
      commandId,
      accepted: true,
      ...(cancelledOrders === undefined ? {} : { cancelledOrders }),
      atMillis: 1,
      eventId: '1:0:0',
    }),
  )

const get = (command_id: unknown, given: object = {}) =>
  send('get-cancellation', { path: { command_id: String(command_id) }, ...given })

describe('a cancel-all', () => {
  test('is read from the moment that it was taken', async () => {
    const { body } = await cancelAll({ label: 'x' })
    expect((await get(body['command_id'])).body).toEqual(body)
    done(String(body['command_id']), 2)
    expect(await get(body['command_id'])).toMatchObject({
      status: 200,
      body: { command_state: 'completed', cancelled_orders: 2, reject_reason: null },
    })
  })

  test('that the engine refused says why', async () => {
    const { body } = await cancelAll({})
    floor.outcome(String(body['command_id']), 'unknown-account')
    expect(await get(body['command_id'])).toMatchObject({
      body: { command_state: 'rejected', cancelled_orders: null, reject_reason: 'unknown-account' },
    })
  })

  test('of another account is not there, nor any other command', async () => {
    const { body } = await cancelAll({})
    const missing = { status: 404, body: { code: 'not-found' } }
    expect(await get(body['command_id'], { as: { account: 'other' } })).toMatchObject(missing)
    expect(await get('0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b41')).toMatchObject(missing)
    expect(await get('x')).toMatchObject({ status: 400 })
  })
})
