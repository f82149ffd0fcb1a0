import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/** Every instruction that an order may carry, on the running local exchange; each test in a market of its own. */

const wait = { prefer: 'wait=10' }
let exchange: RunningExchange
let ann: ExchangeClient
let bob: ExchangeClient
let serial = 0

beforeAll(async () => {
  exchange = await runningExchange()
  ;[ann, bob] = await Promise.all([exchange.trader('o-ann', '100000'), exchange.trader('o-bob', '100000')])
}, 180_000)

/** A market with a tick of 0.01 and a lot of 1, and how to order there. */
const market = async (name: string) => {
  const instrument_name = `${name}.ORD-27NOV46`
  const operator = await exchange.as('operator', 'market_operator')
  const listing = {
    instrument_name,
    underlying: `${name}.ORD`,
    tick_size: '0.01',
    min_trade_amount: '1',
    max_price: '100',
    expiration_timestamp: '2046-11-27T16:00:00Z',
  }
  const listed = await operator.call('POST', '/api/v1/markets', listing, wait)
  if (listed.status !== 200) throw new Error(`${instrument_name}: ${JSON.stringify(listed)}`)
  const item = (direction: 'buy' | 'sell', amount: string, price: string | undefined, more: object = {}) => ({
    instrument_name,
    direction,
    amount,
    price,
    client_order_id: `orders-${++serial}`,
    ...more,
  })
  const order = (client: ExchangeClient, ...asked: Parameters<typeof item>): Promise<Answer> =>
    client.call('POST', '/api/v1/orders', item(...asked), wait)
  return { instrument_name, item, order }
}

const read = (client: ExchangeClient, { body }: Answer): Promise<Answer> =>
  client.call('GET', `/api/v1/orders/${body['order_id']}`)
const rows = ({ body }: Answer): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(body['data']) ? body['data'] : []

describe('instructions', () => {
  test('post-only slides, or is rejected', async () => {
    const { order } = await market('POST')
    await order(bob, 'sell', '5', '2')
    const slid = await order(ann, 'buy', '5', '2.1', { post_only: true })
    expect(slid.body).toMatchObject({ order_state: 'open', price: '1.99', post_only: true, filled_amount: '0' })
    const refused = await order(ann, 'buy', '5', '2.1', { post_only: true, reject_post_only: true })
    expect(refused.body).toMatchObject({ order_state: 'rejected', reject_reason: 'post-only-would-trade' })
  })

  test('a stop waits until the last price reaches it', async () => {
    const { order } = await market('STOP')
    const stop = await order(ann, 'buy', '3', '2.1', { order_type: 'stop_limit', trigger_price: '2' })
    expect(stop.body).toMatchObject({ order_state: 'untriggered', trigger: 'last_price', triggered_at: null })
    const { instrument_name } = stop.body
    const waiting = await eventually(
      () => ann.call('GET', `/api/v1/orders?order_state=untriggered&instrument_name=${instrument_name}`),
      answer => rows(answer).length === 1,
    )
    expect(rows(waiting)[0]).toMatchObject({ order_id: stop.body['order_id'], trigger_price: '2' })
    await order(bob, 'sell', '1', '2')
    await order(ann, 'buy', '1', '2')
    const triggered = await eventually(
      () => read(ann, stop),
      ({ body }) => body['order_state'] === 'open',
    )
    expect(triggered.body['triggered_at']).toEqual(expect.any(String))
    await order(bob, 'sell', '3', '2.1')
    await eventually(
      () => read(ann, stop),
      ({ body }) => body['order_state'] === 'filled',
    )
  })

  test('an iceberg fills beyond what it shows', async () => {
    const { order } = await market('ICE')
    const iceberg = await order(ann, 'sell', '10', '2', { display_amount: '2' })
    expect(iceberg.body).toMatchObject({ order_state: 'open', display_amount: '2' })
    expect((await order(bob, 'buy', '7', '2')).body).toMatchObject({ order_state: 'filled', filled_amount: '7' })
    const left = await eventually(
      () => read(ann, iceberg),
      ({ body }) => body['filled_amount'] === '7',
    )
    expect(left.body).toMatchObject({ order_state: 'open', amount: '10', average_price: '2' })
  })

  test('fill or kill does one of the two', async () => {
    const { order } = await market('FOK')
    await order(bob, 'sell', '5', '2')
    const killed = await order(ann, 'buy', '6', '2', { time_in_force: 'fill_or_kill' })
    expect(killed.body).toMatchObject({ order_state: 'cancelled', cancel_reason: 'fill-or-kill', filled_amount: '0' })
    expect((await order(ann, 'buy', '5', '2', { time_in_force: 'fill_or_kill' })).body['order_state']).toBe('filled')
  })

  test('a date ends an order', async () => {
    const { order } = await market('GTD')
    const expires_at = new Date(Date.now() + 3_000).toISOString()
    const dated = await order(ann, 'buy', '5', '2', { time_in_force: 'good_til_date', expires_at })
    expect(dated.body).toMatchObject({ order_state: 'open', expires_at })
    const ended = await eventually(
      () => read(ann, dated),
      ({ body }) => body['order_state'] === 'cancelled',
    )
    expect(ended.body['cancel_reason']).toBe('expired')
  })

  test('self-trade prevention cancels the resting order, and takes the next', async () => {
    const { order } = await market('STP')
    const own = await order(ann, 'sell', '5', '2')
    await order(bob, 'sell', '5', '2.01')
    const taking = await order(ann, 'buy', '5', '2.01', { self_trade_prevention: 'cancel_oldest' })
    expect(taking.body).toMatchObject({ order_state: 'filled', average_price: '2.01' })
    expect((await read(ann, own)).body).toMatchObject({ order_state: 'cancelled', cancel_reason: 'self-trade' })
  })

  test('reduce-only does not open a position', async () => {
    const { order } = await market('RED')
    const refused = await order(ann, 'buy', '5', '2', { reduce_only: true })
    expect(refused.body).toMatchObject({ order_state: 'rejected', reject_reason: 'reduce-only-would-increase' })
  })
})

describe('many at once', () => {
  test('a batch places, amends and cancels in order, and says of each what came of it', async () => {
    const { order, item } = await market('BATCH')
    const resting = await order(ann, 'buy', '5', '1')
    const [first, second] = [item('buy', '4', '1.1'), item('sell', '4', '1.5')]
    const requests = [
      { action: 'cancel', order_id: resting.body['order_id'] },
      { action: 'place', ...first },
      { action: 'amend', client_order_id: first.client_order_id, amount: '3', price: '1.2' },
      { action: 'place', ...second },
      { action: 'place', ...item('buy', '4', '1.105') },
    ]
    const answer = await ann.call('POST', '/api/v1/orders/batch', { requests }, wait)
    expect(answer.status).toBe(200)
    expect(answer.body['results']).toMatchObject([
      { status: 200, order: { order_state: 'cancelled', cancel_reason: 'user-request' } },
      { status: 200, order: { client_order_id: first.client_order_id } },
      { status: 200, order: { order_state: 'open', amount: '3', price: '1.2' } },
      { status: 200, order: { order_state: 'open' } },
      { status: 422, order: null, problem: { code: 'price-off-tick', errors: [{ pointer: '#/requests/4/price' }] } },
    ])
    const again = await ann.call('POST', '/api/v1/orders/batch', { requests: requests.slice(3, 4) })
    expect(again.body['results']).toMatchObject([{ status: 202, order: { client_order_id: second.client_order_id } }])
  })

  test('cancel-all takes one label, and tells how many', async () => {
    const { order, instrument_name } = await market('ALL')
    for (const price of ['1', '1.1']) await order(ann, 'buy', '1', price, { label: 'hedges' })
    const stop = { order_type: 'stop_limit', trigger_price: '3', label: 'hedges' }
    await order(ann, 'buy', '1', '3', stop)
    const other = await order(ann, 'buy', '1', '1.2', { label: 'views' })
    const done = await ann.call('POST', '/api/v1/orders/cancel-all', { instrument_name, label: 'hedges' }, wait)
    expect([done.status, done.body]).toMatchObject([200, { command_state: 'completed', cancelled_orders: 3 }])
    const known = await ann.call('GET', `/api/v1/orders/cancel-all/${done.body['command_id']}`)
    expect(known.body).toEqual(done.body)
    const closed = await ann.call('GET', `/api/v1/orders?label=hedges&order_state=closed`)
    expect(rows(closed).map(each => each['order_state'])).toEqual(['cancelled', 'cancelled', 'cancelled'])
    expect((await read(ann, other)).body['order_state']).toBe('open')
  })
})

test('an order is read, amended and cancelled by its client_order_id', async () => {
  const { order } = await market('NAME')
  const client_order_id = `orders/${++serial}+a=b`
  const placed = await order(ann, 'buy', '5', '2', { client_order_id })
  const path = `/api/v1/orders/by-client-order-id?client_order_id=${encodeURIComponent(client_order_id)}`
  expect((await ann.call('GET', path)).body['order_id']).toBe(placed.body['order_id'])
  expect((await ann.call('PATCH', path, { amount: '4' }, wait)).body).toMatchObject({
    amount: '4',
    order_state: 'open',
  })
  expect((await bob.call('PATCH', path, { amount: '3' }, wait)).status).toBe(404)
  expect((await ann.call('DELETE', path, undefined, wait)).body).toMatchObject({
    order_state: 'cancelled',
    amount: '4',
  })
  const methods = await ann.call('PUT', path, {})
  expect([methods.status, methods.body['code']]).toEqual([405, 'method-not-allowed'])
})
