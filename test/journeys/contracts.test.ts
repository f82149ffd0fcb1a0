import { beforeAll, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import { afterTheJourneys, eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/**
 * From listing to payment: an option pair on a future, a variance swap, an uptime swap and a structured product are
 * listed, quoted, marked, traded, and settle when the clock has passed their end. It moves the clock by minutes.
 */

const wait = { prefer: 'wait=10' }
const minute = 60_000
const sources = ['broker', 'cloud'] as const
/** Of the index, minute by minute; the last is that of the expiration. */
const levels = ['2', '2.1', '2.05', '2.2'] as const

let exchange: RunningExchange
let operator: ExchangeClient
let alice: ExchangeClient
let bob: ExchangeClient

beforeAll(async () => {
  await afterTheJourneys(import.meta.filename)
  exchange = await runningExchange()
  operator = await exchange.as('operator', 'market_operator')
  ;[alice, bob] = await Promise.all([exchange.trader('t-alice', '100000'), exchange.trader('t-bob', '100000')])
}, 300_000)

const nowMillis = async (): Promise<number> => {
  const status: unknown = await (await fetch(`${exchange.url}/_local/status`)).json()
  return Date.parse(z.object({ now: z.string() }).parse(status).now)
}
const forward = async (forward_millis: number): Promise<void> => {
  const moved = await fetch(`${exchange.url}/_local/clock`, {
    method: 'POST',
    body: JSON.stringify({ forward_millis }),
  })
  expect(moved.status).toBe(200)
}
const iso = (millis: number): string => new Date(millis).toISOString()

const rowsOf = ({ body }: Answer): readonly Record<string, unknown>[] =>
  z.array(z.record(z.string(), z.unknown())).parse(body['data'])
/** The body of an answer that says yes. */
const done = async (asked: Promise<Answer>): Promise<Readonly<Record<string, unknown>>> => {
  const { status, body } = await asked
  if (status !== 200 && status !== 201) throw new Error(`${status}: ${JSON.stringify(body)}`)
  return body
}

const list = async (body: object): Promise<string> => {
  const listed = await done(
    operator.call(
      'POST',
      '/api/v1/markets',
      { tick_size: '0.01', min_trade_amount: '0.1', taker_commission: '0', ...body },
      wait,
    ),
  )
  return z.string().parse(listed['instrument_name'])
}

const quote = async (index: string, level: string): Promise<void> => {
  const timestamp = iso(await nowMillis())
  const quotes = sources.map(source => ({ source, level, timestamp }))
  await done(operator.call('POST', `/api/v1/indices/${index}/quotes`, { quotes }))
}

let orders = 0
const place = (
  client: ExchangeClient,
  instrument_name: string,
  direction: 'buy' | 'sell',
  price: string,
  amount: string,
) =>
  done(
    client.call(
      'POST',
      '/api/v1/orders',
      { instrument_name, direction, price, amount, client_order_id: `contracts-${++orders}` },
      wait,
    ),
  )

/** alice buys it of bob. */
const trade = async (instrument: string, price: string, amount: string): Promise<void> => {
  await place(bob, instrument, 'sell', price, amount)
  expect((await place(alice, instrument, 'buy', price, amount))['order_state']).toBe('filled')
}

const micros = (text: unknown): number => Math.round(Number(z.string().parse(text)) * 1e6)
const cashOf = async (client: ExchangeClient, account: string): Promise<number> =>
  micros((await done(client.call('GET', `/api/v1/accounts/${account}`)))['balance'])
const cash = () => Promise.all([cashOf(alice, 't-alice'), cashOf(bob, 't-bob')])

const final = async (instrument: string): Promise<Record<string, unknown> | undefined> =>
  rowsOf(await alice.call('GET', `/api/v1/markets/${instrument}/settlements`)).find(
    ({ settlement_kind }) => settlement_kind === 'final',
  )
const settled = (instrument: string) =>
  eventually(
    () => final(instrument),
    row => row?.['settlement_state'] === 'settled' || row?.['settlement_state'] === 'failed',
    60_000,
  )

describe('contracts', () => {
  test('are listed, marked, traded, and settle at what anyone can compute', async () => {
    const activated = await operator.call(
      'POST',
      '/api/v1/lanes/1/engine-version',
      { version: newestEngineVersion },
      { ...wait, 'idempotency-key': 'contracts' },
    )
    expect([200, 409]).toContain(activated.status)

    // A run of its own on an exchange that may have been used before.
    const code = `JRN${String((await nowMillis()) % 1e8)}`
    const index = `${code}.USE`
    const series = `UP-${code}.USE`
    await done(
      operator.call(
        'PUT',
        `/api/v1/indices/${index}`,
        {
          unit: 'USD per GPU-hour',
          description: 'of a journey',
          sources: sources.map(source => ({ source, weight: '1' })),
          fixing_interval_ms: minute,
          stale_after_ms: 10 * minute,
          outlier: '0.5',
          trim: '0',
          least_sources: 2,
          decimals: 4,
          fallback: 'none',
          fallback_after_ms: 0,
          fallback_max_age_ms: 0,
        },
        { 'idempotency-key': `index-${index}` },
      ),
    )
    await quote(index, levels[0])
    // A minute ahead at least, so that each step of the clock meets a sweep.
    const start = (Math.floor((await nowMillis()) / minute) + 2) * minute
    const end = start + (levels.length - 1) * minute
    const expiration_timestamp = iso(end)
    const common = { underlying: index, expiration_timestamp }

    const future = await list({ ...common, max_price: '10', terms: { averaging_start: iso(start) } })
    const option = (option_type: string) =>
      list({
        ...common,
        kind: 'option',
        terms: { option_type, strike: '2', exercise: 'american', underlying_instrument: future },
      })
    const [call, put] = [await option('call'), await option('put')]
    const variance = await list({
      ...common,
      kind: 'variance_swap',
      max_price: '100000000',
      tick_size: '1',
      terms: {
        observation_start: iso(start),
        observation_interval_ms: minute,
        strike_volatility: '100',
        vega_notional: '0.2',
      },
    })
    const uptime = await list({
      ...common,
      kind: 'uptime_swap',
      terms: { series, period_start: iso(start - 60 * minute), degraded_weight_ppm: 500_000 },
    })
    const date = expiration_timestamp.slice(0, 10)
    const note = z.string().parse(
      (
        await done(
          operator.call(
            'POST',
            '/api/v1/structured-products',
            {
              underlying: index,
              expiration_timestamp,
              tick_size: '0.01',
              min_trade_amount: '0.1',
              taker_commission: '0',
              payoff: {
                op: 'pay',
                date,
                amount: {
                  op: 'min',
                  terms: [
                    { op: 'constant', value: 5 },
                    { op: 'observe', index, date },
                  ],
                },
              },
            },
            wait,
          ),
        )
      )['instrument_name'],
    )
    const markets = [future, call, put, variance, uptime, note]
    const [aliceBefore, bobBefore] = await cash()

    await trade(future, '2.1', '10')
    await trade(call, '0.15', '10')
    await trade(put, '0.05', '10')
    await trade(variance, '20000', '0.1')
    await trade(uptime, '99', '10')
    await trade(note, '2', '10')

    const half = start - 30 * minute
    const window = (from: number, to: number, up_s: number, degraded_s: number, down_s: number) => ({
      source: 'probe',
      start: iso(from),
      end: iso(to),
      availability: { up_s, degraded_s, down_s, unknown_s: 0 },
    })
    const attest = (...windows: readonly object[]) =>
      done(operator.call('POST', `/api/v1/measurements/${series}/windows`, { windows }))
    await attest(window(start - 60 * minute, half, 1_790, 0, 10))

    const ticker = async (instrument: string) => (await alice.call('GET', `/api/v1/markets/${instrument}/ticker`)).body
    let exercisedMicros = 0
    for (const [position, level] of levels.entries()) {
      await quote(index, level)
      const at = start + position * minute
      await forward(Math.max(at - (await nowMillis()), 1) + minute / 2)
      await eventually(
        async () => rowsOf(await alice.call('GET', `/api/v1/indices/${index}/fixings`)),
        fixings => fixings.some(({ timestamp }) => timestamp === iso(at)),
      )
      if (position !== 1) continue
      // What a mark was made of is stored with it; its price is the engine's, and projected a moment later.
      await eventually(
        () => ticker(call),
        body => typeof body['mark_iv'] === 'string' && body['greeks'] !== null,
      )
      for (const instrument of [call, future, note])
        await eventually(
          () => ticker(instrument),
          body => typeof body['mark_price'] === 'string',
        )
      const [held] = await cash()
      // Asked for twice under one name, done once.
      const exercise = () =>
        done(
          alice.call(
            'POST',
            `/api/v1/positions/${call}/exercise`,
            { amount: '1' },
            { ...wait, 'idempotency-key': call },
          ),
        )
      expect((await exercise())['command_id']).toBe((await exercise())['command_id'])
      await eventually(
        async () => rowsOf(await alice.call('GET', `/api/v1/positions?instrument_name=${call}`)),
        ([position]) => position?.['size'] === '9',
      )
      exercisedMicros = (await cash())[0] - held
      // What it cost is gone, something is paid for it.
      expect(exercisedMicros).toBeGreaterThan(-150_000)
    }
    // A window is attested once it is over.
    await attest(window(half, end, 1_900, 80, 0))
    expect(rowsOf(await operator.call('GET', `/api/v1/measurements/${series}/windows`))).toHaveLength(2)
    await forward(minute)

    const mean = levels.reduce((sum, level) => sum + Number(level), 0) / levels.length
    const cents = (price: number): number => Math.floor(price * 100 + 0.5 + 1e-9) / 100
    const futurePrice = cents(mean)
    const returns = levels.slice(1).map((level, at) => Math.log(Number(level) / Number(levels[at])))
    const perYear = (365 * 1_440) / returns.length
    const expected = new Map([
      [future, futurePrice],
      [call, cents(futurePrice - 2)],
      [put, 0],
      [variance, Math.floor(returns.reduce((sum, each) => sum + each * each, 0) * perYear * 10_000 + 0.5)],
      [uptime, cents((100 * (1_790 + 1_900 + 40)) / (1_790 + 10 + 1_900 + 80))],
      [note, 2.2],
    ])
    for (const instrument of markets) {
      const row = await settled(instrument)
      expect([instrument, row?.['settlement_state'], Number(row?.['price'])]).toEqual([
        instrument,
        'settled',
        expected.get(instrument),
      ])
      expect(row?.['inputs']).toMatchObject({ price_ticks: expect.any(Number) })
    }

    const sizes = new Map([
      [future, [2.1, 10, 1]],
      [call, [0.15, 9, 1]],
      [put, [0.05, 10, 1]],
      [variance, [20_000, 0.1, 0.001]],
      [uptime, [99, 10, 1]],
      [note, [2, 10, 1]],
    ])
    const gain = markets.reduce((sum, instrument) => {
      const [entry = 0, amount = 0, contractSize = 0] = sizes.get(instrument) ?? []
      return sum + ((expected.get(instrument) ?? 0) - entry) * amount * contractSize
    }, 0)
    const gainMicros = Math.round(gain * 1e6) + exercisedMicros
    const paid = await eventually(cash, ([now]) => now === aliceBefore + gainMicros, 10_000)
    expect(paid).toEqual([aliceBefore + gainMicros, bobBefore - gainMicros])

    const again = await operator.call('POST', `/api/v1/markets/${future}/settlements`, {})
    expect([again.status, again.body['code']]).toEqual([409, 'instrument-settled'])
    await forward(2 * minute)
    expect(await cash()).toEqual(paid)
    expect(rowsOf(await alice.call('GET', '/api/v1/positions')).every(({ size }) => size === '0')).toBe(true)
  }, 180_000)
})
