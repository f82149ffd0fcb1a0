import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { supervisionOperations } from '#protocol/operations/supervision.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { laneBudgetsEnvironmentVariable } from '#protocol/streams.ts'
import { requests } from '#test/support/http-requests.ts'
import { nextCommandId } from '#test/support/tape.ts'
import { futureIn, openTwoLanes, usdMicros } from '#test/support/two-lanes.ts'

const floor = await openTwoLanes()
const ledger = requests((await import('#lambdas/ledger/http.ts')).handler, ledgerOperations)
const trading = requests((await import('#lambdas/trading/http.ts')).handler, tradingOperations)
const risk = requests((await import('#lambdas/risk/http.ts')).handler, riskOperations)
const supervision = requests((await import('#lambdas/supervision/http.ts')).handler, supervisionOperations)

const wait = { headers: { prefer: 'wait=5' } }
const join = (body: object = {}, given: object = wait) => ledger('join-lane', { body: { lane: 2, ...body }, ...given })
const abroad = 2 ** 20 + 2
let orders = 0
const order = async (lane: 1 | 2, amount: number, change: object = {}) => {
  orders += 1
  const answer = await trading('place-order', {
    body: {
      instrument_name: futureIn(lane),
      direction: amount > 0 ? 'buy' : 'sell',
      amount: String(Math.abs(amount)),
      price: '2.5',
      client_order_id: `mine-${orders}`,
      ...change,
    },
    ...wait,
  })
  await floor.settle()
  return answer
}

beforeEach(async () => {
  process.env[laneBudgetsEnvironmentVariable] = 'true'
  await floor.reset()
})
afterEach(async () => {
  await floor.settle()
  delete process.env[laneBudgetsEnvironmentVariable]
})

describe('a lane', () => {
  test('is joined: opened there, and known to both', async () => {
    expect(await join({ reserve: '100' })).toMatchObject({
      status: 200,
      body: { lane: 2, account: 'acme.lane-2', lane_role: 'satellite', lane_state: 'joined', used: '0' },
    })
    const commands = floor.streams.put.filter(({ command }) => command.type === 'join-lane')
    expect(commands).toMatchObject([
      { lane: 1, command: { accountId: 2, role: 'home', otherLane: 2, otherAccountId: abroad, reserveMicros: 0 } },
      {
        lane: 2,
        command: {
          accountId: abroad,
          role: 'satellite',
          otherLane: 1,
          otherAccountId: 2,
          reserveMicros: 100 * usdMicros,
        },
      },
    ])
    // Again it is as it is, and under another reserve refused.
    const before = floor.streams.put.length
    expect(await join({ reserve: '100' })).toMatchObject({ status: 200, body: { lane_state: 'joined' } })
    expect(floor.streams.put.length).toBe(before)
    expect(await join({ reserve: '5' })).toMatchObject({
      status: 409,
      body: { code: 'lane-already-joined', detail: 'Lane 2 was joined with another reserve, which stays as it is.' },
    })
    await floor.wait(2_000)
    const { body } = await ledger('get-own-account')
    expect(body['lanes']).toMatchObject([
      { lane: 1, account: 'acme', lane_role: 'home', granted_most: null },
      { lane: 2, account: 'acme.lane-2', granted_least: '100', granted_most: '100', used: '0' },
    ])
    const there = await ledger('get-own-account', { query: { account: 'acme.lane-2' } })
    expect(there.body['lanes']).toEqual(body['lanes'])
  })

  test('is on its way for whoever does not wait, and goes on with each request', async () => {
    expect(await join({}, {})).toMatchObject({ status: 202, body: { lane_state: 'opening' } })
    await floor.settle()
    expect(await join({}, {})).toMatchObject({ status: 202, body: { lane_state: 'joining' } })
    await floor.settle()
    expect(await join({}, {})).toMatchObject({ status: 200, body: { lane_state: 'joined' } })
  })

  test('is refused by name', async () => {
    expect(await join({ lane: 1 })).toMatchObject({ status: 409, body: { code: 'lane-already-joined' } })
    expect(await join({ lane: 3 })).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
    expect(await join({ reserve: '0.0000001' })).toMatchObject({ status: 400, body: { code: 'invalid-request' } })
    expect(await join({}, { as: { account: 'nobody' } })).toMatchObject({ body: { code: 'account-not-open' } })
    await floor.enter(1, { type: 'open-account', commandId: nextCommandId(), account: 'acme.desk', firm: 'acme' })
    expect(await join({}, { as: { account: 'acme.desk' } })).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    await floor.enter(1, { type: 'open-account', commandId: nextCommandId(), account: 'acme.lane-2', firm: 'acme' })
    expect(await join()).toMatchObject({ status: 409, body: { code: 'account-exists' } })
    expect(floor.streams.put).toEqual([])
  })

  test('is sent cash, and sends it back, by the account’s own name there', async () => {
    let keys = 0
    const transfer = async (from: string | undefined, to: string, amount: string, given: object = {}) => {
      keys += 1
      const { status, body } = await ledger('transfer-cash', {
        body: { ...(from === undefined ? {} : { from_account: from }), to_account: to, currency: 'USD', amount },
        headers: { ...wait.headers, 'idempotency-key': `move-${keys}` },
        ...given,
      })
      await floor.settle()
      return [status, body['code'] ?? body['state']]
    }
    const balances = async () =>
      Promise.all(
        ['acme', 'acme.lane-2'].map(async account => {
          const { body } = await ledger('get-own-account', { query: { account } })
          return body['balance']
        }),
      )
    expect(await transfer(undefined, 'acme.lane-2', '10')).toEqual([422, 'unknown-account'])
    await join()
    await floor.settle()
    expect((await transfer(undefined, 'acme.lane-2', '400'))[0]).toBe(200)
    expect(await balances()).toEqual(['600', '400'])
    expect(await transfer(undefined, 'acme.lane-2', '601')).toEqual([422, 'insufficient-funds'])
    // What lies there secures home, which gives it back when it is asked for.
    await floor.wait(2_000)
    expect(await transfer('acme.lane-2', 'acme', '150')).toEqual([422, 'insufficient-margin'])
    expect((await transfer('acme.lane-2', 'acme', '150'))[0]).toBe(200)
    expect(await balances()).toEqual(['750', '250'])
    const { body } = await ledger('list-ledger-entries', { query: { account: 'acme.lane-2' } })
    expect(body['data']).toMatchObject([
      { kind: 'lane-transfer', amount: '-150', balance: '250', counter_account: 'acme' },
      { kind: 'lane-transfer', amount: '400', balance: '400', counter_account: 'acme' },
    ])
    expect((await ledger('list-ledger-entries')).body['data']).toMatchObject([
      { kind: 'lane-transfer', amount: '150', counter_account: 'acme.lane-2' },
      { kind: 'lane-transfer', amount: '-400', counter_account: 'acme.lane-2' },
      { kind: 'deposit', counter_account: null },
    ])
    // While the relay is away it is on its way, and nothing more goes.
    floor.relay(false)
    expect((await transfer(undefined, 'acme.lane-2', '100'))[0]).toBe(200)
    expect(await transfer(undefined, 'acme.lane-2', '1')).toEqual([409, 'cash-on-its-way'])
    expect(await balances()).toEqual(['650', '250'])
    expect((await ledger('get-own-account')).body['lanes']).toMatchObject([
      { lane: 1, incoming: null },
      { lane: 2, incoming: '100', outgoing: '0' },
    ])
    floor.relay(true)
    await floor.wait(4_000)
    expect(await balances()).toEqual(['650', '350'])
    await floor.enter(1, { type: 'open-account', commandId: nextCommandId(), account: 'acme.desk', firm: 'acme' })
    expect(await transfer('acme.desk', 'acme.lane-2', '1')).toEqual([409, 'transfer-not-allowed'])
  })

  test('is nobody’s where the tenant has not switched it on', async () => {
    delete process.env[laneBudgetsEnvironmentVariable]
    expect(await join()).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await order(2, 1)).toMatchObject({ status: 409, body: { code: 'instrument-in-other-lane' } })
    expect((await ledger('get-own-account')).body['lanes']).toHaveLength(1)
  })
})

describe('an order for an instrument of another lane', () => {
  test('is refused before the lane is joined, and goes there once it is', async () => {
    expect(await order(2, 1)).toMatchObject({ status: 409, body: { code: 'instrument-in-other-lane' } })
    await join()
    // Without a micro of cash there: refused, asked for, granted.
    expect(await order(2, 100)).toMatchObject({
      body: { order_state: 'rejected', reject_reason: 'insufficient-margin' },
    })
    expect(await order(2, 100)).toMatchObject({ body: { order_state: 'open' } })
    expect(await order(1, 1)).toMatchObject({ body: { order_state: 'open', instrument_name: futureIn(1) } })
  })

  test('is previewed where it would go, with others of that lane', async () => {
    const preview = (...lanes: (1 | 2)[]) =>
      risk('preview-margin', {
        body: {
          orders: lanes.map(lane => ({
            instrument_name: futureIn(lane),
            direction: 'buy',
            amount: '10',
            price: '2.5',
          })),
        },
      })
    await join({ reserve: '100' })
    await floor.wait(2_000)
    expect(await preview(2, 2)).toMatchObject({
      status: 200,
      body: { account: 'acme.lane-2', orders: [{ outcome: 'accepted' }, { outcome: 'accepted' }] },
    })
    expect(await preview(1)).toMatchObject({ status: 200, body: { account: 'acme' } })
    expect(await preview(1, 2)).toMatchObject({
      status: 409,
      body: {
        code: 'instrument-in-other-lane',
        errors: [
          {
            pointer: '#/orders/1/instrument_name',
            detail: 'The first order is placed by acme, this one by acme.lane-2: preview them apart.',
          },
        ],
      },
    })
  })

  test('nets with what is held at home', async () => {
    await join()
    await floor.offer(1, 1_900)
    // 950 of the 1,000 USD: half a dollar a lot.
    expect(await order(1, 1_900)).toMatchObject({ body: { order_state: 'filled' } })
    await floor.offer(2, -1_900)
    expect(await order(2, -1_900)).toMatchObject({ body: { order_state: 'rejected' } })
    expect(await order(2, -1_900)).toMatchObject({ body: { order_state: 'filled' } })
    // Both ways as the engines have it, and as anybody can compute it again.
    for (const [account, accountId, lane] of [
      ['acme', 2, 1],
      ['acme.lane-2', abroad, 2],
    ] as const) {
      const figures = floor.engine(lane).marginOf(accountId)
      const { body } = await risk('get-margin', { query: { account } })
      expect(Math.round(Number(body['requirement']) * usdMicros)).toBe(figures?.requirementMicros)
      expect(body['lane_credit']).not.toBeNull()
      const statement = await risk('get-margin-statement', { query: { account } })
      expect(statement.body['result']).toMatchObject({ requirement_micros: figures?.requirementMicros })
      expect(statement.body['lane_credit_micros']).toHaveLength(
        (floor.engine(lane).snapshot().margin?.book.epoch?.scenarioNames.length ?? 0) + 1,
      )
    }
    const { body } = await ledger('get-own-account')
    expect(body['lanes']).toMatchObject([{ lane: 1 }, { lane: 2, used: '950' }])
  })

  test('is found, listed and cancelled like any other', async () => {
    await join()
    await order(2, 10)
    const { body } = await order(2, 10)
    const order_id = String(body['order_id'])
    expect(await trading('get-order', { path: { order_id } })).toMatchObject({ body: { order_state: 'open' } })
    const query = { client_order_id: `mine-${orders}` }
    expect(await trading('get-order-by-client-order-id', { query })).toMatchObject({ body: { order_id } })
    expect((await trading('list-orders')).body['data']).toEqual([])
    expect((await trading('list-orders', { query: { lane: '2' } })).body['data']).toMatchObject([
      { order_id },
      { order_state: 'rejected' },
    ])
    expect(await trading('list-trades', { query: { lane: '2' } })).toMatchObject({ status: 200, body: { data: [] } })
    expect(await trading('list-orders', { query: { lane: '3' } })).toMatchObject({ body: { code: 'invalid-request' } })
    expect(await trading('cancel-order', { path: { order_id }, ...wait })).toMatchObject({
      status: 200,
      body: { order_state: 'cancelled' },
    })
    await order(2, 10)
    expect(await trading('cancel-orders', { body: { lane: 2 }, ...wait })).toMatchObject({
      body: { cancelled_orders: 1 },
    })
    await order(2, 10)
    expect(await trading('cancel-orders', { body: { instrument_name: futureIn(2) }, ...wait })).toMatchObject({
      body: { cancelled_orders: 1 },
    })
  })

  test('is stopped by the account’s own kill switch, in every lane', async () => {
    await join()
    await order(2, 10)
    await order(2, 10)
    await supervision('kill-own-account', { body: { is_on: true }, headers: { 'idempotency-key': 'stop' } })
    await floor.settle()
    for (const lane of [1, 2] as const)
      expect(await order(lane, 1)).toMatchObject({ body: { order_state: 'rejected', reject_reason: 'kill-switch-on' } })
  })
})
