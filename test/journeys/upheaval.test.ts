import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { expiries } from '#bin/seed.ts'
import {
  afterTheJourneys,
  eventually,
  type RunningExchange,
  runningExchange,
  stopExchange,
} from './running-exchange.ts'

/** What no other journey could bear beside it: the matcher is killed, the clock is moved, the exchange restarts. */

const instrument = `A100.USE-${expiries(Date.now(), 2).at(-1)?.code}`
const wait = { prefer: 'wait=10' }

let exchange: RunningExchange
let serial = 0

const order = (fields: Readonly<Record<string, unknown>>) => ({
  instrument_name: instrument,
  direction: 'buy',
  amount: '1',
  price: '1.3',
  client_order_id: `upheaval-${++serial}`,
  ...fields,
})

const place = (client: ExchangeClient, fields: Readonly<Record<string, unknown>>): Promise<Answer> =>
  client.call('POST', '/api/v1/orders', order(fields), wait)

const rows = (answer: Answer): readonly Readonly<Record<string, unknown>>[] => {
  const data = answer.body['data']
  return Array.isArray(data) ? data : []
}

beforeAll(async () => {
  await afterTheJourneys(import.meta.filename)
  exchange = await runningExchange()
}, 300_000)

// Nobody comes after it, and polling keeps a core half busy.
afterAll(stopExchange, 180_000)

describe('a killed matcher', () => {
  test('comes back, loses no acknowledged order and applies none twice', async () => {
    const [seller, buyer] = await Promise.all([exchange.trader('t-kill-seller'), exchange.trader('t-kill-buyer')])
    const placed: { client: ExchangeClient; id: unknown }[] = []
    const flow = async (from: number, to: number) => {
      for (let i = from; i < to; i++) {
        const [client, direction] = i % 2 === 0 ? ([seller, 'sell'] as const) : ([buyer, 'buy'] as const)
        const answer = await client.call('POST', '/api/v1/orders', order({ direction, price: '0.9' }))
        expect(answer.status).toBe(202)
        placed.push({ client, id: answer.body['order_id'] })
      }
    }
    await flow(0, 20)
    const before = (await exchange.status()).tasks.map(({ pid }) => pid)
    const flowing = flow(20, 60)
    for (const pid of before) process.kill(pid, 'SIGKILL')
    await flowing
    const after = await eventually(
      async () => (await exchange.status()).tasks.map(({ pid }) => pid),
      pids => pids.length === before.length && pids.every(pid => !before.includes(pid)),
    )
    expect(after).toHaveLength(before.length)
    for (const { client, id } of placed)
      await eventually(
        () => client.call('GET', `/api/v1/orders/${id}`),
        ({ body }) => body['order_state'] === 'filled',
        30_000,
      )
    const bought = await eventually(
      () => buyer.call('GET', '/api/v1/positions'),
      answer => rows(answer).length > 0,
    )
    expect(rows(bought)[0]).toMatchObject({ size: '30' })
    expect(rows(await seller.call('GET', '/api/v1/positions'))[0]).toMatchObject({ size: '-30' })
    expect(rows(await buyer.call('GET', '/api/v1/trades?limit=100'))).toHaveLength(30)
  }, 180_000)
})

describe('time', () => {
  test('moved past the expiry, the sweep closes the instrument and cancels what rests in it', async () => {
    const client = await exchange.trader('t-expiry')
    const operator = await exchange.as('operator', 'market_operator')
    // Others have moved the clock.
    const status: unknown = await (await fetch(`${exchange.url}/_local/status`)).json()
    const { now } = z.object({ now: z.string() }).parse(status)
    const soon = new Date(Date.parse(now) + 3_600_000).toISOString()
    const listing = {
      instrument_name: 'H100.USE-SOON',
      underlying: 'H100.USE',
      tick_size: '0.01',
      min_trade_amount: '1',
      max_price: '10',
      expiration_timestamp: soon,
    }
    expect((await operator.call('POST', '/api/v1/markets', listing, wait)).status).toBe(200)
    const { body } = await place(client, { instrument_name: 'H100.USE-SOON', price: '2' })
    expect(body['order_state']).toBe('open')
    const moved = await fetch(`${exchange.url}/_local/clock`, {
      method: 'POST',
      body: JSON.stringify({ forward_millis: 2 * 3_600_000 }),
    })
    expect(moved.status).toBe(200)
    const later = await exchange.as('t-expiry')
    const closed = await eventually(
      () => later.call('GET', `/api/v1/orders/${body['order_id']}`),
      answer => answer.body['order_state'] === 'cancelled',
      30_000,
    )
    expect(closed.body['cancel_reason']).toBe('instrument-expired')
    const market = await later.call('GET', '/api/v1/markets/H100.USE-SOON')
    expect(market.body['is_active']).toBe(false)
  }, 180_000)
})

describe('leaving', () => {
  test('SIGTERM ends every child; what was kept is there at the next start', async () => {
    const status = await exchange.status()
    expect(await stopExchange()).toBe('exit code 0')
    for (const { pid } of status.tasks) expect(() => process.kill(pid, 0)).toThrow()
    exchange = await runningExchange()
    const buyer = await exchange.as('t-kill-buyer')
    expect(rows(await buyer.call('GET', '/api/v1/positions'))[0]).toMatchObject({ size: '30' })
    const trade = await place(await exchange.trader('t-after'), { price: '0.2' })
    expect(trade.body['order_state']).toBe('open')
  }, 180_000)
})
