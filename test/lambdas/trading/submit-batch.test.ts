import { ProvisionedThroughputExceededException } from '@aws-sdk/client-kinesis'
import { beforeEach, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { PlaceOrder } from '#domain/trading/commands.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { requests } from '#test/support/http-requests.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/trading/http.ts')
const send = requests(handler, tradingOperations)
beforeEach(() => floor.reset())

const limit = { instrument_name: instrumentName, direction: 'buy', amount: '2.5', price: '2.55' }
const place = (client_order_id: string | undefined, change: object = {}) => ({
  action: 'place',
  ...limit,
  client_order_id,
  ...change,
})
const results = z.array(
  z.object({
    status: z.number(),
    order: z.record(z.string(), z.unknown()).nullable(),
    problem: z.record(z.string(), z.unknown()).nullable(),
  }),
)
const submit = async (items: readonly object[], given: object = {}) => {
  const { status, body } = await send('submit-batch', { body: { requests: items }, ...given })
  return { status, body, results: results.catch([]).parse(body['results']) }
}
const codes = (answer: Awaited<ReturnType<typeof submit>>) =>
  answer.results.map(({ status, problem }) => problem?.['code'] ?? status)

const placedBefore = async (name: string): Promise<PlaceOrder> => {
  await send('place-order', { body: { ...limit, client_order_id: name } })
  const command = floor.put().at(-1)
  if (command?.type !== 'place-order') throw new Error('no order was put')
  floor.streams.put.length = 0
  return command
}

describe('a batch', () => {
  test('goes as one record, in order, and each item has its result', async () => {
    const old = await placedBefore('old')
    floor.order(old)
    const older = await placedBefore('older')
    const before = floor.streams.records()
    const answer = await submit([
      place('a'),
      { action: 'cancel', order_id: old.orderId },
      { action: 'amend', client_order_id: 'older', amount: '2' },
      place('b', { direction: 'sell', post_only: true }),
      { action: 'amend', client_order_id: 'a', price: '2.6' },
    ])
    expect(answer.status).toBe(202)
    expect(answer.results).toMatchObject([
      { status: 202, order: { client_order_id: 'a', order_state: 'pending' }, problem: null },
      { status: 202, order: { order_id: old.orderId, order_state: 'open' } },
      { status: 202, order: { order_id: older.orderId, order_state: 'pending' } },
      { status: 202, order: { client_order_id: 'b', post_only: true } },
      { status: 202, order: { client_order_id: 'a' } },
    ])
    const a = answer.results[0]?.order?.['order_id']
    expect(floor.put()).toMatchObject([
      { type: 'place-order', orderId: a, clientOrderId: 'a' },
      { type: 'cancel-order', orderId: old.orderId },
      { type: 'amend-order', orderId: older.orderId, quantityLots: 20 },
      { type: 'place-order', clientOrderId: 'b', postOnly: 'slide' },
      { type: 'amend-order', orderId: a, priceTicks: 52 },
    ])
    expect(floor.streams.records() - before).toBe(1)
  })

  test('one no keeps nothing else back, and points to where it belongs', async () => {
    const answer = await submit([
      place('a', { price: '2.551' }),
      place('b'),
      { action: 'cancel', client_order_id: 'nobody' },
      place('c', { instrument_name: 'NO.SUCH-27NOV46' }),
      place(undefined),
    ])
    expect([answer.status, codes(answer)]).toEqual([
      202,
      ['price-off-tick', 202, 'unknown-order', 'unknown-instrument', 'idempotency-key-required'],
    ])
    expect(answer.results[0]?.problem).toMatchObject({ status: 422, errors: [{ pointer: '#/requests/0/price' }] })
    expect(floor.put()).toMatchObject([{ clientOrderId: 'b' }])
    expect(floor.tables.items('commands')).toHaveLength(1)
  })

  test('of which nothing can be taken puts nothing', async () => {
    expect(await submit([{ action: 'cancel', client_order_id: 'nobody' }])).toMatchObject({ status: 200 })
    expect(floor.put()).toEqual([])
  })

  test('of a hundred is one write to the tables and one to the stream', async () => {
    const items = Array.from({ length: 100 }, (_, index) => place(`n-${index}`))
    expect(codes(await submit(items))).toEqual(items.map(() => 202))
    expect(floor.put().map(command => command.type === 'place-order' && command.clientOrderId)).toEqual(
      items.map(({ client_order_id }) => client_order_id),
    )
    expect(floor.tables.writes().filter(write => !write.endsWith(' rate-limits'))).toHaveLength(1)
    expect((await submit([...items, place('more')])).body).toMatchObject({ code: 'invalid-request' })
  })

  test.each<[object, string]>([
    [{ action: 'place', ...limit, price: undefined }, '#/requests/0/price'],
    [{ action: 'place', ...limit, amount: '-1' }, '#/requests/0/amount'],
    [{ action: 'cancel' }, '#/requests/0'],
    [{ action: 'cancel', order_id: '0190a6f2-5d3c-7b1e-9c57-3a1f0e6f9b21', client_order_id: 'x' }, '#/requests/0'],
    [{ action: 'amend', client_order_id: 'x' }, '#/requests/0'],
    [{ action: 'erase' }, '#/requests/0/action'],
    [{ ...limit }, '#/requests/0/action'],
  ])('that holds %j is refused as a whole', async (item, pointer) => {
    const answer = await submit([item, place('good')])
    expect(answer.body).toMatchObject({ code: 'invalid-request', errors: [{ pointer }] })
    expect(floor.put()).toEqual([])
  })

  test('reaches nobody else’s orders', async () => {
    const own = await placedBefore('own')
    floor.order(own)
    const answer = await submit(
      [
        { action: 'cancel', order_id: own.orderId },
        { action: 'amend', client_order_id: 'own', amount: '1' },
      ],
      { as: { account: 'other' } },
    )
    expect(codes(answer)).toEqual(['unknown-order', 'unknown-order'])
    expect(floor.put()).toEqual([])
  })
})

describe('the same names', () => {
  const named = { headers: { 'Idempotency-Key': 'batch-1' } }

  test('put the very same commands again while nobody can tell, and are told how it stands then', async () => {
    const old = await placedBefore('old')
    floor.order(old)
    const items = [place('a'), place(undefined), { action: 'amend', order_id: old.orderId, amount: '2' }]
    const first = await submit(items, named)
    const again = await submit(items, named)
    expect(again.results).toEqual(first.results)
    const put = floor.put()
    expect(put.slice(3)).toEqual(put.slice(0, 3))
    const [a, b, amend] = put
    if (a?.type !== 'place-order' || b?.type !== 'place-order' || amend?.type !== 'amend-order') throw new Error('?')
    floor.order(a, { orderState: 'filled', filledLots: 25, filledTickLots: 25 * 50 })
    floor.outcome(amend.commandId, 'insufficient-funds')
    const third = await submit(items, named)
    expect(codes(third)).toEqual([202, 202, 'insufficient-funds'])
    expect(third.results[0]?.order).toMatchObject({ order_state: 'filled' })
    expect(floor.put().slice(6)).toEqual([b])
  })

  test('with another body are a conflict, of that item only', async () => {
    await submit([place('a'), place('b')])
    const answer = await submit([place('a', { amount: '1' }), place('b'), place('c')])
    expect(codes(answer)).toEqual(['idempotency-conflict', 202, 202])
    expect(floor.put().slice(2)).toMatchObject([{ clientOrderId: 'b' }, { clientOrderId: 'c' }])
  })

  test('are those of single requests, and of the batch itself', async () => {
    const single = await placedBefore('a')
    const answer = await submit([place('a'), place('b'), place('b'), place('b', { amount: '1' })])
    expect(codes(answer)).toEqual([202, 202, 202, 'idempotency-conflict'])
    expect(answer.results[0]?.order).toMatchObject({ order_id: single.orderId })
    expect(answer.results[2]).toEqual(answer.results[1])
    expect(floor.put().map(command => command.type === 'place-order' && command.clientOrderId)).toEqual(['a', 'b'])
  })

  test('after the stream was away give what was promised', async () => {
    floor.streams.fail(new ProvisionedThroughputExceededException({ message: 'slow down', $metadata: {} }))
    expect(await submit([place('a')])).toMatchObject({ status: 503 })
    const [promised] = floor.tables.items('commands')
    floor.streams.reset()
    const again = await submit([place('a')])
    expect(again.results[0]?.order).toMatchObject({ order_id: promised?.['command_id'] })
  })
})

describe('with Prefer: wait', () => {
  test('the outcomes of all are answered', async () => {
    const old = await placedBefore('old')
    floor.order(old)
    floor.streams.onPut(command => {
      setTimeout(() => {
        if (command.type === 'place-order') floor.order(command)
        if (command.type === 'cancel-order') floor.outcome(command.commandId, 'order-closed')
      }, 20)
    })
    const answer = await submit([place('a'), { action: 'cancel', order_id: old.orderId }], {
      headers: { prefer: 'wait=2' },
    })
    expect([answer.status, codes(answer)]).toEqual([200, [200, 'order-closed']])
    expect(answer.results[0]?.order).toMatchObject({ order_state: 'open' })
  })

  test('what is still on its way is 202, and so is the whole', async () => {
    floor.streams.onPut(command => {
      if (command.type === 'place-order' && command.clientOrderId === 'a') floor.order(command)
    })
    const answer = await submit([place('a'), place('b')], { headers: { prefer: 'wait=1' } })
    expect([answer.status, codes(answer)]).toEqual([202, [200, 202]])
  })
})
