import { beforeAll, describe, expect, test } from '@jest/globals'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/** Market makers quote, are protected and measured; supervisors halt, reopen, stop and reverse. */

const wait = { prefer: 'wait=10' }
const base = '/api/v1/market-making'
const [first, second, halted] = ['MAKE.USE-ONE', 'MAKE.USE-TWO', 'MAKE.USE-HALT'] as const

let exchange: RunningExchange
let operator: ExchangeClient
let risk: ExchangeClient
let maker: ExchangeClient
let taker: ExchangeClient
let serial = 0

const rows = (answer: Answer): readonly Readonly<Record<string, unknown>>[] => {
  const data = answer.body['data']
  return Array.isArray(data) ? data : []
}
const outcome = ({ status, body }: Answer) => `${status} ${body['code'] ?? ''}`.trim()

const side = (price: string, amount = '5') => ({ price, amount })
const quote = (quotes: readonly object[], client = maker) =>
  client.call('PUT', `${base}/quotes`, { group: 'futures', quotes }, wait)
const bothSides = (instrument_name: string) => ({ instrument_name, bid: side('0.99'), ask: side('1.01') })
const order = (client: ExchangeClient, fields: object) =>
  client.call(
    'POST',
    '/api/v1/orders',
    {
      instrument_name: first,
      direction: 'buy',
      amount: '2',
      price: '1.01',
      client_order_id: `mm-${++serial}`,
      ...fields,
    },
    wait,
  )
const standing = (instrument_name: string) => maker.call('GET', `${base}/quotes?instrument_name=${instrument_name}`)

beforeAll(async () => {
  exchange = await runningExchange()
  operator = await exchange.as('operator', 'market_operator')
  risk = await exchange.as('mm-risk', 'risk_manager')
  const expiration_timestamp = new Date(Date.now() + 90 * 24 * 3_600_000).toISOString()
  const listings = [first, second, halted].map(instrument_name =>
    operator.call(
      'POST',
      '/api/v1/markets',
      {
        instrument_name,
        underlying: 'MAKE.USE',
        tick_size: '0.01',
        min_trade_amount: '1',
        max_price: '10',
        expiration_timestamp,
      },
      wait,
    ),
  )
  const [, trader] = await Promise.all([exchange.trader('mm-maker'), exchange.trader('mm-taker'), ...listings])
  taker = trader
  maker = await exchange.as('mm-maker', 'market_maker')
  const terms = await operator.call('PUT', `${base}/obligations/${first}`, { max_spread: '0.05', min_amount: '3' })
  expect(outcome(terms)).toBe('200')
}, 180_000)

describe('quotes', () => {
  test('stand in two markets by one command, and are read', async () => {
    const { status, body } = await quote([bothSides(first), bothSides(second)])
    expect([status, body]).toMatchObject([200, { quote_state: 'quoted', accepted_sides: 4, rejected_sides: [] }])
    const read = await maker.call('GET', `${base}/quotes/${body['command_id']}`)
    expect([read.status, read.body]).toEqual([200, body])
    expect(outcome(await taker.call('GET', `${base}/quotes/${body['command_id']}`))).toBe('403 forbidden')
    const listed = await eventually(
      () => maker.call('GET', `${base}/quotes`),
      answer => rows(answer).length === 4,
    )
    expect(
      rows(listed)
        .map(({ group, instrument_name, direction }) => `${group} ${instrument_name} ${direction}`)
        .sort(),
    ).toEqual([`${first} buy`, `${first} sell`, `${second} buy`, `${second} sell`].map(side => `futures ${side}`))
  })

  test('are pulled when more trades than their protection lets, until it is reset', async () => {
    const limits = { interval_ms: 60_000, frozen_ms: 0, amount_limit_lots: 4 }
    const named = { ...wait, 'idempotency-key': 'mm-protect' }
    const set = await maker.call('PUT', `${base}/protection/futures`, limits, named)
    expect([set.status, set.body]).toMatchObject([200, { command_state: 'accepted' }])
    // The same request again is the same command.
    const again = await maker.call('PUT', `${base}/protection/futures`, limits, named)
    expect(again.body).toEqual(set.body)
    expect((await maker.call('GET', `/api/v1/commands/${set.body['command_id']}`)).body).toEqual(set.body)

    for (let hit = 1; hit <= 2; hit++) expect((await order(taker, {})).body).toMatchObject({ order_state: 'filled' })
    const frozen = await eventually(
      () => maker.call('GET', `${base}/protection/futures`),
      ({ body }) => body['is_frozen'] === true,
    )
    expect(frozen.body).toMatchObject({ group: 'futures', frozen_until: null, last_triggered_at: expect.any(String) })
    await eventually(
      () => maker.call('GET', `${base}/quotes`),
      answer => rows(answer).length === 0,
    )
    const refused = await quote([{ instrument_name: first, bid: side('0.99') }])
    expect(refused.body).toMatchObject({
      rejected_sides: expect.arrayContaining([{ instrument_name: first, direction: 'buy', code: 'protection-frozen' }]),
    })
    expect(outcome(await maker.call('POST', `${base}/protection/futures/reset`, undefined, wait))).toBe('200')
    expect((await quote([bothSides(first), bothSides(second)])).body).toMatchObject({ accepted_sides: 4 })
    expect((await maker.call('GET', `${base}/protection/futures`)).body).toMatchObject({ is_frozen: false })
  })

  test('are measured against what they are obliged to', async () => {
    const day = await eventually(
      () => maker.call('GET', `${base}/obligations?instrument_name=${first}`),
      answer => Number(rows(answer)[0]?.['compliant_ms'] ?? 0) > 0,
    )
    expect(rows(day)).toMatchObject([{ account: 'mm-maker', instrument_name: first }])
    expect((await maker.call('GET', `${base}/obligations/${first}`)).body).toMatchObject({ max_spread: '0.05' })
    const seen = await operator.call('GET', `${base}/obligations?instrument_name=${first}`)
    expect(rows(seen)).toMatchObject([{ account: 'mm-maker' }])
  })

  test('are cancelled by the dead man, about a second after nobody was heard of', async () => {
    expect(outcome(await maker.call('PUT', `${base}/dead-man`, { timeout_ms: 1_000 }, wait))).toBe('200')
    const from = performance.now()
    await eventually(
      () => standing(first),
      answer => rows(answer).length === 0,
    )
    expect(performance.now() - from).toBeLessThan(5_000)
    const fired = await eventually(
      () => maker.call('GET', `${base}/dead-man`),
      ({ body }) => body['last_fired_at'] !== null,
    )
    expect(fired.body).toMatchObject({ timeout_ms: 0, expires_at: null, cancelled_orders: 4 })
  })
})

describe('kill switches', () => {
  test('stop an account at its own word, and others release it', async () => {
    expect((await quote([bothSides(second)])).body).toMatchObject({ accepted_sides: 2 })
    expect(outcome(await maker.call('PUT', '/api/v1/kill-switch', { is_on: true }, wait))).toBe('200')
    expect(outcome(await quote([bothSides(second)]))).toBe('403 kill-switch-on')
    expect(outcome(await maker.call('PUT', '/api/v1/kill-switches/account/mm-maker', { is_on: false }))).toBe(
      '403 forbidden',
    )
    const named = { ...wait, 'idempotency-key': 'mm-release' }
    for (const _ of ['once', 'again']) {
      const released = await risk.call('PUT', '/api/v1/kill-switches/account/mm-maker', { is_on: false }, named)
      expect(outcome(released)).toBe('200')
    }
    expect((await quote([{ instrument_name: second, bid: side('0.99') }])).body).toMatchObject({
      quote_state: 'quoted',
    })
    expect(rows(await risk.call('GET', '/api/v1/kill-switches?limit=500'))).toContainEqual(
      expect.objectContaining({ scope: 'account', subject: 'mm-maker', is_on: false }),
    )
  })

  test('stop a firm with all its accounts', async () => {
    const opened = await operator.call('POST', '/api/v1/accounts', { account: 'mm-branch', firm: 'mm-firm' }, wait)
    expect(outcome(opened)).toBe('200')
    const branch = await exchange.as('mm-branch')
    expect(outcome(await risk.call('PUT', '/api/v1/kill-switches/firm/mm-firm', { is_on: true }, wait))).toBe('200')
    expect((await order(branch, { price: '0.5' })).body).toMatchObject({ reject_reason: 'kill-switch-on' })
    expect(outcome(await risk.call('PUT', '/api/v1/kill-switches/firm/mm-none', { is_on: true }, wait))).toBe(
      '422 unknown-firm',
    )
  })
})

describe('a market', () => {
  const set = (what: string, body: object) => operator.call('PUT', `/api/v1/markets/${halted}/${what}`, body, wait)

  test('is halted, and reopens by an auction that uncrosses by itself', async () => {
    expect(outcome(await set('mark-price', { price: '1' }))).toBe('200')
    const controls = {
      price_band: '0.5',
      velocity: '0.2',
      velocity_interval_ms: 1_000,
      halt_ms: 1_000,
      auction_ms: 1_000,
    }
    expect(outcome(await set('controls', controls))).toBe('200')
    await eventually(
      () => taker.call('GET', `/api/v1/markets/${halted}`),
      answer => JSON.stringify(answer.body['controls']) === JSON.stringify(controls),
    )
    expect((await order(taker, { instrument_name: halted, price: '2' })).body).toMatchObject({
      reject_reason: 'price-outside-band',
    })
    expect(outcome(await set('state', { state: 'halted' }))).toBe('200')
    expect((await order(taker, { instrument_name: halted })).body).toMatchObject({ reject_reason: 'instrument-halted' })
    // By the exchange's clock, which may have been moved.
    const { body } = await taker.call('GET', `/api/v1/orders?limit=1`)
    const [newest] = rows({ status: 200, body, headers: {} })
    const until = new Date(Date.parse(String(newest?.['creation_timestamp'])) + 4_000).toISOString()
    expect(outcome(await set('state', { state: 'auction', until }))).toBe('200')
    const bought = await order(taker, { instrument_name: halted, price: '1.02' })
    const sold = await order(maker, { instrument_name: halted, price: '1', direction: 'sell' })
    expect([bought.body['order_state'], sold.body['order_state']]).toEqual(['open', 'open'])
    const filled = await eventually(
      () => taker.call('GET', `/api/v1/orders/${bought.body['order_id']}`),
      answer => answer.body['order_state'] === 'filled',
    )
    expect(filled.body).toMatchObject({ filled_amount: '2' })
    expect(outcome(await set('state', { state: 'continuous' }))).toBe('409 invalid-trading-state')
  })

  test('is rid of a trade when two people say so', async () => {
    const trades = await eventually(
      () => taker.call('GET', `/api/v1/trades?instrument_name=${halted}`),
      answer => rows(answer).length > 0,
    )
    const trade_id = String(rows(trades)[0]?.['trade_id'])
    const asked = await operator.call('POST', '/api/v1/trade-busts', {
      trade_id,
      account: 'mm-taker',
      reason: 'fat finger',
    })
    expect([asked.status, asked.body]).toMatchObject([201, { bust_state: 'awaiting_approval', buyer: 'mm-taker' }])
    const approve = `/api/v1/trade-busts/${trade_id}/approve`
    expect(outcome(await operator.call('POST', approve))).toBe('409 second-person-required')
    expect(outcome(await taker.call('POST', approve))).toBe('403 forbidden')
    const busted = await risk.call('POST', approve, undefined, wait)
    expect([busted.status, busted.body]).toMatchObject([200, { bust_state: 'busted', approved_by: 'mm-risk' }])
    expect(rows(await operator.call('GET', '/api/v1/trade-busts'))).toContainEqual(
      expect.objectContaining({ bust_id: trade_id, bust_state: 'busted' }),
    )
    const position = await eventually(
      () => taker.call('GET', `/api/v1/positions?instrument_name=${halted}`),
      answer => rows(answer)[0]?.['size'] === '0',
    )
    expect(rows(position)).toMatchObject([{ direction: 'zero' }])
    const marked = await eventually(
      () => taker.call('GET', `/api/v1/trades?instrument_name=${halted}`),
      answer => rows(answer)[0]?.['is_busted'] === true,
    )
    expect(rows(marked)).toHaveLength(1)
    const flagged = await eventually(
      () => taker.call('GET', `/api/v1/markets/${halted}/trades`),
      answer => rows(answer)[0]?.['is_busted'] === true,
    )
    expect(rows(flagged)).toMatchObject([{ trade_id, is_busted: true }])
    for (const resolution of ['1m', '5m', '15m', '1h', '1d'])
      expect(rows(await taker.call('GET', `/api/v1/markets/${halted}/candles?resolution=${resolution}`))).toEqual([])
    const { body: ticker } = await taker.call('GET', `/api/v1/markets/${halted}/ticker`)
    expect(ticker).toMatchObject({ volume_24h: '0', trades_24h: 0, open_interest: '0' })
  })
})
