import { ProvisionedThroughputExceededException } from '@aws-sdk/client-kinesis'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { type PlaceOrder, plainInstructions } from '#domain/trading/commands.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { requests } from '#test/support/http-requests.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { handler } = await import('#lambdas/trading/http.ts')
const send = requests(handler, tradingOperations)

const limit = {
  instrument_name: instrumentName,
  direction: 'buy',
  amount: '2.5',
  price: '2.55',
  client_order_id: 'mine-1',
}
const place = (change: object = {}, given: object = {}) =>
  send('place-order', { body: { ...limit, ...change }, ...given })

const onlyOrder = (): PlaceOrder => {
  const [command, ...more] = floor.put()
  if (command?.type !== 'place-order' || more.length > 0) throw new Error('not exactly one order was put')
  return command
}

beforeEach(() => {
  floor.reset()
})

describe('an order', () => {
  test('is promised, put and answered with 202', async () => {
    const answer = await place()
    const command = onlyOrder()
    expect(command).toEqual({
      type: 'place-order',
      orderId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      accountId: 7,
      instrumentId: 1,
      specificationVersion: 1,
      direction: 'buy',
      orderType: 'limit',
      timeInForce: 'good_til_cancelled',
      priceTicks: 51,
      quantityLots: 25,
      clientOrderId: 'mine-1',
      ...plainInstructions,
    })
    expect(answer.status).toBe(202)
    expect(answer.headers['location']).toBe(`/api/v1/orders/${command.orderId}`)
    expect(answer.headers['preference-applied']).toBeUndefined()
    expect(answer.body).toMatchObject({
      order_id: command.orderId,
      client_order_id: 'mine-1',
      instrument_name: instrumentName,
      direction: 'buy',
      amount: '2.5',
      price: '2.55',
      order_type: 'limit',
      time_in_force: 'good_til_cancelled',
      order_state: 'pending',
      filled_amount: '0',
      average_price: null,
    })
    const [promised] = floor.tables.items('commands')
    expect(promised).toMatchObject({
      principal: 'acme',
      request_name: 'place-order#mine-1',
      command_id: command.orderId,
    })
    expect(JSON.parse(String(promised?.['request_json']))).toMatchObject({ command })
  })

  test('goes to the lane of its account', async () => {
    floor.instrument(2, { instrumentName: 'A100.EUW-27NOV46' })
    await place({ instrument_name: 'A100.EUW-27NOV46' }, { as: { account: 'abroad' } })
    expect(floor.streams.put).toMatchObject([{ lane: 2, command: { accountId: 9, instrumentId: 2 } }])
  })

  test('at market has no price and is immediate', async () => {
    const answer = await place({ order_type: 'market', price: undefined })
    expect(onlyOrder()).toMatchObject({ orderType: 'market', timeInForce: 'immediate_or_cancel', priceTicks: 0 })
    expect(answer.body).toMatchObject({ price: null, order_type: 'market' })
  })

  test('may be named by Idempotency-Key instead', async () => {
    const answer = await place({ client_order_id: undefined }, { headers: { 'Idempotency-Key': 'key-1' } })
    expect(answer).toMatchObject({ status: 202, body: { client_order_id: null } })
    expect(onlyOrder().clientOrderId).toBe('')
    expect(floor.tables.items('commands')).toMatchObject([{ request_name: 'place-order#key-1' }])
  })

  test('takes one write to the tables and one to the stream, once account and instruments are known', async () => {
    await place()
    const [gets, puts, queries] = [floor.tables.count('get'), floor.tables.count('put'), floor.tables.count('query')]
    await place({ client_order_id: 'mine-2' })
    expect(floor.tables.count('get') - gets).toBe(0)
    expect(floor.tables.count('put') - puts).toBe(1)
    expect(floor.tables.count('query') - queries).toBe(0)
  })
})

describe('instructions', () => {
  const expiresAt = '2046-01-02T03:04:05.000Z'

  test.each<[object, object, object]>([
    [{ time_in_force: 'fill_or_kill' }, { timeInForce: 'fill_or_kill' }, { time_in_force: 'fill_or_kill' }],
    [{ time_in_force: 'day' }, { timeInForce: 'day', expiresAtMillis: 0 }, { expires_at: null }],
    [
      { time_in_force: 'good_til_date', expires_at: expiresAt },
      { timeInForce: 'good_til_date', expiresAtMillis: Date.parse(expiresAt) },
      { expires_at: expiresAt },
    ],
    [{ display_amount: '0.50' }, { displayLots: 5 }, { display_amount: '0.5' }],
    [{ post_only: true }, { postOnly: 'slide' }, { post_only: true, reject_post_only: false }],
    [{ post_only: true, reject_post_only: true }, { postOnly: 'reject' }, { post_only: true, reject_post_only: true }],
    [{ reduce_only: true }, { reduceOnly: true }, { reduce_only: true }],
    // printf hedges | sha256sum
    [{ label: 'hedges' }, { label: 'hedges', labelHash: '1a486ca7fa306410' }, { label: 'hedges' }],
    [
      { self_trade_prevention: 'cancel_both', self_trade_group: 'desk' },
      { selfTradePrevention: 'cancel_both', selfTradeGroup: 0x49be417a },
      { self_trade_prevention: 'cancel_both' },
    ],
    [
      { order_type: 'stop_limit', trigger_price: '2.6' },
      { orderType: 'stop_limit', priceTicks: 51, triggerTicks: 52, trigger: 'last_price' },
      { trigger_price: '2.6', trigger: 'last_price', triggered_at: null, price: '2.55' },
    ],
    [
      { order_type: 'stop_market', price: undefined, trigger_price: '2.6', trigger: 'mark_price' },
      { orderType: 'stop_market', priceTicks: 0, timeInForce: 'good_til_cancelled', trigger: 'mark_price' },
      { trigger_price: '2.6', trigger: 'mark_price', price: null },
    ],
  ])('%j', async (change, command, order) => {
    expect(await place(change)).toMatchObject({ status: 202, body: order })
    expect(onlyOrder()).toMatchObject(command)
  })

  test('an order that was taken in time is answered after its date as before it', async () => {
    const body = { time_in_force: 'good_til_date', expires_at: new Date(Date.now() + 300).toISOString() }
    const first = await place(body)
    expect(first.status).toBe(202)
    await new Promise(resume => setTimeout(resume, 350))
    expect(await place(body)).toMatchObject({ status: 202, body: { order_id: first.body['order_id'] } })
    expect(await place({ ...body, client_order_id: 'mine-2' })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer: '#/expires_at' }] },
    })
  })

  test('one that says what is so anyway is the same request', async () => {
    const first = await place()
    const again = await place({ post_only: false, self_trade_prevention: 'none', order_type: 'limit' })
    expect(again).toMatchObject({ status: 202, body: { order_id: first.body['order_id'] } })
  })

  test('more of a price or an amount than can be counted is refused where it stands', async () => {
    for (const [change, code, pointer] of [
      [{ display_amount: '0.55' }, 'amount-off-lot', '#/display_amount'],
      [{ order_type: 'stop_limit', trigger_price: '2.51' }, 'price-off-tick', '#/trigger_price'],
      [{ order_type: 'stop_limit', trigger_price: '101' }, 'price-out-of-range', '#/trigger_price'],
    ] as const)
      expect(await place(change)).toMatchObject({ status: 422, body: { code, errors: [{ pointer }] } })
    expect(floor.put()).toEqual([])
  })
})

describe('with Prefer: wait', () => {
  const waiting = { headers: { Prefer: 'wait=2' } }

  test('the outcome is answered with 200, a fill as well as a refusal', async () => {
    floor.streams.onPut(command => {
      if (command.type === 'place-order')
        setTimeout(() => floor.order(command, { orderState: 'filled', filledLots: 25, filledTickLots: 25 * 50 }), 40)
    })
    const answer = await place({}, waiting)
    expect(answer.status).toBe(200)
    expect(answer.headers['preference-applied']).toBe('wait=2')
    expect(answer.headers['location']).toBe(`/api/v1/orders/${String(answer.body['order_id'])}`)
    expect(answer.body).toMatchObject({ order_state: 'filled', filled_amount: '2.5', average_price: '2.5' })

    floor.streams.onPut(command => {
      if (command.type === 'place-order')
        floor.order(command, { orderState: 'rejected', rejectReason: 'insufficient-funds' })
    })
    expect(await place({ client_order_id: 'mine-2' }, waiting)).toMatchObject({
      status: 200,
      body: { order_state: 'rejected', reject_reason: 'insufficient-funds' },
    })
  })

  test('what is still on its way after that is answered with 202', async () => {
    const answer = await place({}, { headers: { Prefer: 'wait=1' } })
    expect(answer).toMatchObject({ status: 202, body: { order_state: 'pending' } })
    expect(answer.headers['preference-applied']).toBe('wait=1')
  })
})

describe('the same name', () => {
  test('with the same body puts the very same command again while it is pending', async () => {
    const first = await place()
    const again = await place()
    expect(again.status).toBe(202)
    expect(again.body).toEqual(first.body)
    expect(again.headers['location']).toBe(first.headers['location'])
    const [one, two] = floor.put()
    expect(two).toEqual(one)
    expect(floor.tables.items('commands')).toHaveLength(1)
  })

  test('puts nothing once the order is known, and tells how it stands', async () => {
    const first = await place()
    floor.order(onlyOrder(), { orderState: 'cancelled', cancelReason: 'user-request' })
    const again = await place()
    expect(again).toMatchObject({
      status: 202,
      body: { order_id: first.body['order_id'], order_state: 'cancelled', cancel_reason: 'user-request' },
    })
    expect(await place({}, { headers: { Prefer: 'wait=1' } })).toMatchObject({ status: 200 })
    expect(floor.put()).toHaveLength(1)
  })

  test('keeps the specification version that the order was promised with', async () => {
    await place()
    const [row] = floor.tables.items('instruments')
    floor.tables.seed('instruments', { ...row, specification_version: 2 })
    const { forgetInstruments } = await import('#adapters/tables/instruments.ts')
    forgetInstruments()
    await place()
    expect(floor.put().map(command => command.type === 'place-order' && command.specificationVersion)).toEqual([1, 1])
  })

  test('with another body is a conflict', async () => {
    await place()
    for (const change of [
      { amount: '2.6' },
      { price: '2.60' },
      { direction: 'sell' },
      { time_in_force: 'immediate_or_cancel' },
    ])
      expect(await place(change)).toMatchObject({ status: 409, body: { code: 'idempotency-conflict' } })
    expect(floor.put()).toHaveLength(1)
  })

  test('of another account is another order', async () => {
    await place()
    await place({}, { as: { account: 'other' } })
    const [one, two] = floor.streams.put.map(({ command }) => command)
    expect(one).toMatchObject({ accountId: 7 })
    expect(two).toMatchObject({ accountId: 8 })
    expect(one?.type === 'place-order' && two?.type === 'place-order' && one.orderId !== two.orderId).toBe(true)
  })

  test('is answered after the instrument’s end as before it', async () => {
    const first = await place()
    const [row] = floor.tables.items('instruments')
    floor.tables.seed('instruments', { ...row, is_active: false })
    const { forgetInstruments } = await import('#adapters/tables/instruments.ts')
    forgetInstruments()
    expect(await place()).toMatchObject({ status: 202, body: { order_id: first.body['order_id'] } })
    expect(await place({ client_order_id: 'mine-2' })).toMatchObject({
      status: 409,
      body: { code: 'instrument-not-open' },
    })
    expect(await place({ amount: '7' })).toMatchObject({ status: 409, body: { code: 'instrument-not-open' } })
  })
})

describe('no', () => {
  const refused = async (change: object, given: object = {}) => {
    const answer = await place(change, given)
    expect(floor.put()).toEqual([])
    expect(floor.tables.items('commands')).toEqual([])
    const errors = answer.body['errors']
    return [
      answer.status,
      answer.body['code'],
      ...(Array.isArray(errors) ? errors.map((error: { pointer: string }) => error.pointer) : []),
    ]
  }

  test('to whoever has no open account', async () => {
    expect(await refused({}, { as: { account: 'stranger' } })).toEqual([403, 'account-not-open'])
    floor.tables.seed('accounts', {
      account: 'half',
      account_state: 'opening',
      lane: 1,
      command_id: 'c',
      attempt: 1,
      created_at_millis: 0,
    })
    expect(await refused({}, { as: { account: 'half' } })).toEqual([403, 'account-not-open'])
  })

  test('to whoever may not', async () => {
    expect(await refused({}, { as: { role: 'auditor' } })).toEqual([403, 'forbidden'])
    expect(await refused({}, { as: { role: 'market_operator' } })).toEqual([403, 'forbidden'])
    expect(await refused({}, { as: null })).toEqual([401, 'unauthorized'])
  })

  test('to an order without a name', async () => {
    expect(await refused({ client_order_id: undefined })).toEqual([
      400,
      'idempotency-key-required',
      '#/header/Idempotency-Key',
    ])
  })

  test('to an order whose parts do not fit', async () => {
    expect(await refused({ price: undefined })).toEqual([400, 'invalid-request', '#/price'])
    expect(await refused({ order_type: 'market' })).toEqual([400, 'invalid-request', '#/price'])
    expect(await refused({ order_type: 'market', price: undefined, time_in_force: 'good_til_cancelled' })).toEqual([
      400,
      'invalid-request',
      '#/time_in_force',
    ])
  })

  test('to an instrument that is not the account’s to trade', async () => {
    expect(await refused({ instrument_name: 'NO.SUCH-27NOV46' })).toEqual([
      422,
      'unknown-instrument',
      '#/instrument_name',
    ])
    floor.instrument(2, { instrumentName: 'A100.EUW-27NOV46' })
    expect(await refused({ instrument_name: 'A100.EUW-27NOV46' })).toEqual([
      409,
      'instrument-in-other-lane',
      '#/instrument_name',
    ])
    floor.instrument(1, { instrumentName: 'OLD.USE-27NOV20', expirationMillis: Date.UTC(2020, 10, 27) })
    expect(await refused({ instrument_name: 'OLD.USE-27NOV20' })).toEqual([409, 'instrument-not-open'])
    floor.instrument(1, { instrumentName: 'SHUT.USE-27NOV46' }, false)
    expect(await refused({ instrument_name: 'SHUT.USE-27NOV46' })).toEqual([409, 'instrument-not-open'])
  })

  test('to a price or an amount that cannot be counted', async () => {
    expect(await refused({ price: '2.551' })).toEqual([422, 'price-off-tick', '#/price'])
    expect(await refused({ price: '100.05' })).toEqual([422, 'price-out-of-range', '#/price'])
    expect(await refused({ amount: '2.55' })).toEqual([422, 'amount-off-lot', '#/amount'])
    expect(await refused({ amount: '0.000000000001' })).toEqual([422, 'amount-off-lot', '#/amount'])
    expect(await refused({ amount: '214748364.8' })).toEqual([422, 'amount-out-of-range', '#/amount'])
    expect(await refused({ amount: '999999999999999' })).toEqual([422, 'amount-out-of-range', '#/amount'])
  })

  test.each([
    'NaN',
    'Infinity',
    '-0',
    '-1',
    '+1',
    '0',
    '0.0',
    '1e308',
    '0x10',
    '１２',
    '1_000',
    '1,5',
    '1.',
    '.5',
    '01',
    ' 1',
    '1 ',
    '1\n',
    '',
    '9'.repeat(16),
    `0.${'0'.repeat(12)}1`,
    '9'.repeat(60_000),
  ])('to the amount or price %.20j', async text => {
    expect(await refused({ amount: text })).toEqual([400, 'invalid-request', '#/amount'])
    expect(await refused({ price: text })).toEqual([400, 'invalid-request', '#/price'])
  })

  test.each<{ amount: unknown }>(
    [12, 1e308, -0, null, true, [], {}, ['1'], { toString: '1' }].map(amount => ({ amount })),
  )('to %j', async ({ amount }) => {
    expect(await refused({ amount })).toEqual([400, 'invalid-request', '#/amount'])
  })

  test.each([
    [{ instrument_name: 'h100.use-27nov46' }, '#/instrument_name'],
    [{ instrument_name: `H${'-A'.repeat(40)}` }, '#/instrument_name'],
    [{ direction: 'BUY' }, '#/direction'],
    [{ order_type: 'stop' }, '#/order_type'],
    [{ time_in_force: 'good_til_day' }, '#/time_in_force'],
    [{ client_order_id: '' }, '#/client_order_id'],
    [{ client_order_id: 'a#b' }, '#/client_order_id'],
    [{ client_order_id: 'x'.repeat(65) }, '#/client_order_id'],
    [{ account_id: 8 }, '#/account_id'],
    [{ account: 'other' }, '#/account'],
    [{ order_id: '00000000-0000-7000-8000-000000000000' }, '#/order_id'],
    [{ post_only: 'true' }, '#/post_only'],
    [{ hidden: true }, '#/hidden'],
    [{ label: 'x'.repeat(65) }, '#/label'],
    [{ label: '' }, '#/label'],
    [{ self_trade_prevention: 'cancel_all' }, '#/self_trade_prevention'],
    [{ order_type: 'stop_limit' }, '#/trigger_price'],
    [{ order_type: 'stop_market', trigger_price: '2.5' }, '#/price'],
    [{ order_type: 'stop_limit', trigger_price: '2.5', price: undefined }, '#/price'],
    [{ trigger_price: '2.5' }, '#/trigger_price'],
    [{ trigger: 'last_price' }, '#/trigger'],
    [{ time_in_force: 'good_til_date' }, '#/expires_at'],
    [{ expires_at: '2046-01-01T00:00:00Z' }, '#/expires_at'],
    [{ time_in_force: 'day', expires_at: '2046-01-01T00:00:00Z' }, '#/expires_at'],
    [{ time_in_force: 'good_til_date', expires_at: '2020-01-01T00:00:00Z' }, '#/expires_at'],
    [{ time_in_force: 'fill_or_kill', display_amount: '1' }, '#/display_amount'],
    [{ display_amount: '2.6' }, '#/display_amount'],
    [{ amount: '10.1', display_amount: '0.1' }, '#/display_amount'],
    [{ time_in_force: 'immediate_or_cancel', post_only: true }, '#/post_only'],
    [{ order_type: 'stop_limit', trigger_price: '2.5', post_only: true }, '#/post_only'],
    [{ reject_post_only: true }, '#/reject_post_only'],
  ])('to %j', async (change, pointer) => {
    expect(await refused(change)).toEqual([400, 'invalid-request', pointer])
  })

  test.each([
    '{"instrument_name":"X","__proto__":{"amount":"1"}}',
    '{"amount":"1","amount":"2"}',
    '{"amount":NaN}',
    `{"amount":${'['.repeat(100)}${']'.repeat(100)}}`,
    'amount=1&price=2',
  ])('to the body %j', async body => {
    const answer = await send('place-order', { body })
    expect(answer).toMatchObject({ status: 400, body: { code: 'malformed-json' } })
    expect(floor.put()).toEqual([])
  })

  test('to a body of another type, or too large', async () => {
    const body = JSON.stringify(limit)
    expect(await send('place-order', { body, headers: { 'Content-Type': 'text/xml' } })).toMatchObject({ status: 415 })
    expect(await send('place-order', { body: body.padEnd(65_537) })).toMatchObject({ status: 413 })
    expect(await send('place-order', {})).toMatchObject({ status: 400, body: { errors: [{ pointer: '#' }] } })
    expect(floor.put()).toEqual([])
  })
})

describe('when the stream or a table is away', () => {
  test('nothing is accepted, and the repeat is', async () => {
    floor.streams.fail(new ProvisionedThroughputExceededException({ message: 'slow down', $metadata: {} }))
    const answer = await place()
    expect(answer).toMatchObject({ status: 503, body: { code: 'dependency-unavailable', retry: true } })
    expect(answer.headers['retry-after']).toBe('1')
    const [promised] = floor.tables.items('commands')
    floor.streams.reset()
    const again = await place()
    expect(again).toMatchObject({ status: 202, body: { order_id: promised?.['command_id'] } })
    expect(onlyOrder().orderId).toBe(promised?.['command_id'])
  })

  test('a connection that is refused is no fault of the caller', async () => {
    floor.tables.fail(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
    expect(await place()).toMatchObject({ status: 503 })
    expect(floor.put()).toEqual([])
  })
})
