import { beforeEach, describe, expect, test } from '@jest/globals'
import { outcomePut } from '#adapters/tables/outcomes.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { requests } from '#test/support/http-requests.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

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

describe('cancel-all', () => {
  test.each<[object, object]>([
    [{}, { instrumentId: 0, labelHash: '0000000000000000' }],
    [{ instrument_name: instrumentName }, { instrumentId: 1, labelHash: '0000000000000000' }],
    [{ label: 'hedges' }, { instrumentId: 0, labelHash: '1a486ca7fa306410' }],
  ])('%j', async (body, command) => {
    const answer = await cancelAll(body)
    const [put] = floor.put()
    expect(put).toMatchObject({ type: 'cancel-orders', accountId: 7, ...command })
    if (put?.type !== 'cancel-orders') throw new Error('nothing was put')
    expect(answer).toMatchObject({
      status: 202,
      headers: { location: `/api/v1/orders/cancel-all/${put.commandId}` },
      body: { command_id: put.commandId, command_state: 'pending', cancelled_orders: null },
    })
  })

  test('tells how many to whoever waits, and only once all are', async () => {
    floor.streams.onPut(command => {
      if (command.type !== 'cancel-orders') return
      done(command.commandId)
      setTimeout(() => done(command.commandId, 3), 60)
    })
    expect(await cancelAll({ label: 'x' }, { headers: { prefer: 'wait=2' } })).toMatchObject({
      status: 200,
      body: { command_state: 'completed', cancelled_orders: 3, label: 'x', instrument_name: null },
    })
  })

  test('the same name is the same command while nobody can tell, another body a conflict', async () => {
    const named = { headers: { 'Idempotency-Key': 'c1' } }
    const first = await cancelAll({ label: 'x' }, named)
    await cancelAll({ label: 'x' }, named)
    const [one, two] = floor.put()
    expect(two).toEqual(one)
    expect(await cancelAll({}, named)).toMatchObject({ status: 409, body: { code: 'idempotency-conflict' } })
    done(String(first.body['command_id']), 0)
    expect(await cancelAll({ label: 'x' }, named)).toMatchObject({ status: 202, body: { cancelled_orders: 0 } })
    expect(floor.put()).toHaveLength(2)
  })

  test('not of an instrument that is not there, nor for a stranger', async () => {
    expect(await cancelAll({ instrument_name: 'NO.SUCH-27NOV46' })).toMatchObject({
      status: 422,
      body: { code: 'unknown-instrument', errors: [{ pointer: '#/instrument_name' }] },
    })
    expect(await cancelAll({}, { as: { account: 'stranger' } })).toMatchObject({ status: 403 })
    expect(await cancelAll({ order_id: 'x' })).toMatchObject({ status: 400 })
    expect(floor.put()).toEqual([])
    expect(floor.tables.items('commands')).toEqual([])
  })
})
