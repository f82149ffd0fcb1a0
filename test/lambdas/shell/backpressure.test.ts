import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from '@jest/globals'
import { marketMakingOperations } from '#protocol/operations/market-making.ts'
import { tradingOperations } from '#protocol/operations/trading.ts'
import { requests } from '#test/support/http-requests.ts'
import { instrumentName, openTradingFloor } from '#test/support/trading-floor.ts'

const floor = openTradingFloor()
const { forgetLeases, underBackpressure } = await import('#lambdas/shell/backpressure.ts')
const trading = requests((await import('#lambdas/trading/http.ts')).handler, tradingOperations)
const quoting = requests((await import('#lambdas/market-making/http.ts')).handler, marketMakingOperations)

beforeEach(() => {
  floor.reset()
  forgetLeases()
})

const limit = { instrument_name: instrumentName, direction: 'buy', amount: '2.5', price: '2.55' }
const place = (client_order_id: string) => trading('place-order', { body: { ...limit, client_order_id } })
const item = (client_order_id: string) => ({ action: 'place', ...limit, client_order_id })
const batch = (...items: readonly object[]) => trading('submit-batch', { body: { requests: items } })
const quote = (sides: object, headers: Readonly<Record<string, string>> = {}) =>
  quoting('put-quotes', {
    as: { role: 'market_maker' },
    headers,
    body: { group: 'futures', quotes: [{ instrument_name: instrumentName, ...sides }] },
  })
const bid = { bid: { price: '2.5', amount: '2' } }

const told = ({ status, headers, body }: Awaited<ReturnType<typeof place>>) => [
  status,
  body['code'],
  headers['retry-after'],
  body['retry'],
]
const ago = (millis: number) => Date.now() - millis

/** Since the last reset or call. */
const stored = () => [floor.tables.items('commands').length, floor.put().length]

describe.each([
  ['a lane that is behind', () => floor.lease(1, { behindMillis: 7_200 }), [429, 'lane-behind', '3', true]],
  ['a lane far behind', () => floor.lease(1, { behindMillis: 99_000 }), [429, 'lane-behind', '10', true]],
  ['a silent lane', () => floor.lease(1, { atMillis: ago(12_500) }), [429, 'lane-behind', expect.any(String), true]],
  ['a halted lane', () => floor.lease(1, { halted: 'divergence' }), [503, 'lane-halted', '30', true]],
])('%s', (_, late, refusal) => {
  test('takes no new order, in whatever it comes, and nothing is stored', async () => {
    const open = await floor.placed(trading, 'old')
    floor.order(open)
    const before = stored()
    late()
    forgetLeases()
    expect(told(await place('new'))).toEqual(refusal)
    expect(told(await batch({ action: 'cancel', order_id: open.orderId }, item('new')))).toEqual(refusal)
    expect(told(await quote(bid))).toEqual(refusal)
    expect(stored()).toEqual(before)
  })

  test('takes what makes risk smaller, and amendments', async () => {
    const open = await floor.placed(trading, 'old')
    floor.order(open)
    late()
    forgetLeases()
    const path = { order_id: open.orderId }
    const answers = [
      await trading('amend-order', { path, body: { amount: '2' } }),
      await batch({ action: 'cancel', order_id: open.orderId }),
      await quote({}),
      await trading('cancel-orders', { body: {} }),
      await trading('cancel-order', { path }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202, 202])
  })

  test('tells again what was taken before, and a conflict', async () => {
    const open = await floor.placed(trading, 'old')
    const before = await batch(item('one'), item('two'))
    const headers = { 'idempotency-key': 'quote-1' }
    const quoted = await quote(bid, headers)
    const kept = floor.tables.items('commands').length
    late()
    forgetLeases()
    expect(await place('old')).toMatchObject({ status: 202, body: { order_id: open.orderId } })
    expect((await batch(item('one'), item('two'))).body).toEqual(before.body)
    expect((await quote(bid, headers)).body).toEqual(quoted.body)
    const other = await trading('place-order', { body: { ...limit, amount: '1', client_order_id: 'old' } })
    expect(other).toMatchObject({ status: 409, body: { code: 'idempotency-conflict' } })
    expect(told(await batch(item('one'), item('three')))).toEqual(refusal)
    expect(floor.tables.items('commands')).toHaveLength(kept)
  })
})

describe('orders pass', () => {
  test.each([
    ['nobody has ever led the lane', () => undefined],
    ['a leader wrote a moment ago', () => floor.lease(1, { atMillis: ago(9_000), behindMillis: 4_900 })],
    ['it never had a leader, whatever its row says', () => floor.lease(1, { epoch: 0, atMillis: 1 })],
  ])('where %s', async (_, seed) => {
    seed()
    expect((await place('first')).status).toBe(202)
  })

  test('where the lease cannot be read, and nobody asks again at once', async () => {
    const table = process.env['LANES_TABLE']
    delete process.env['LANES_TABLE']
    try {
      expect((await place('first')).status).toBe(202)
    } finally {
      process.env['LANES_TABLE'] = table
    }
    floor.lease(1, { halted: 'divergence' })
    expect((await place('second')).status).toBe(202)
    await sleep(1_050)
    expect((await place('third')).status).toBe(503)
  })

  test('where the lane was late at one look only', async () => {
    floor.lease(1, { behindMillis: 7_000 })
    const placing = place('first')
    await sleep(200)
    floor.lease(1, { version: 2 })
    expect((await placing).status).toBe(202)
  })

  test('where the leader writes, with a clock that is wrong', async () => {
    floor.lease(1, { atMillis: ago(3_600_000) })
    const placing = place('first')
    await sleep(200)
    floor.lease(1, { version: 2, atMillis: ago(3_600_000) })
    expect((await placing).status).toBe(202)
  })
})

describe('a look at the lane', () => {
  test('is good for a second, then taken beside the request, and waited for after three', async () => {
    floor.lease(1)
    await place('first')
    const gets = floor.tables.count('get')
    await place('second')
    expect(floor.tables.count('get')).toBe(gets)
    floor.lease(1, { halted: 'divergence' })
    await sleep(1_050)
    // As a request that is at its order before the read is answered.
    expect(await underBackpressure(1, pressureNow => pressureNow())).toBeUndefined()
    expect(floor.tables.count('get')).toBe(gets + 1)
    expect((await place('third')).status).toBe(503)
    floor.lease(1)
    await sleep(3_050)
    expect((await place('fourth')).status).toBe(202)
  })
})
