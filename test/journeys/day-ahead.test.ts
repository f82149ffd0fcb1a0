import { beforeAll, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { consumerRule } from './consumer-rule.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/** From bids to cleared prices, and awards as positions, on the running exchange. */

const root = '/api/v1/compute-futures'
const wait = { prefer: 'wait=10' }
const dayMillis = 86_400_000
let exchange: RunningExchange
let operator: ExchangeClient
let buyer: ExchangeClient
let seller: ExchangeClient
/** Beyond those that the schedule opens: nobody else bids for it. */
let date: string

beforeAll(async () => {
  exchange = await runningExchange()
  operator = await exchange.as('operator', 'market_operator')
  buyer = await exchange.trader('da-buyer')
  seller = await exchange.trader('da-seller')
  const status: unknown = await (await fetch(`${exchange.url}/_local/status`)).json()
  const now = Date.parse(z.object({ now: z.string() }).parse(status).now)
  date = new Date(now + 20 * dayMillis).toISOString().slice(0, 10)
}, 180_000)

const rowsOf = ({ body }: Answer, name = 'data'): readonly Record<string, unknown>[] =>
  z.array(z.record(z.string(), z.unknown())).parse(body[name])

const curve = (price: string, amount: string, hour = 18) => ({
  market: 'H100.USE',
  hour,
  steps: [{ price, amount }],
})

test('bids, a gate that closes, prices with their certificate, and awards that are positions', async () => {
  const submit = (client: ExchangeClient, side: 'bid' | 'offer', key: string, body: object) =>
    client.call(
      'POST',
      `${root}/day-ahead/${side}`,
      { delivery_date: date, ...body },
      { ...wait, 'idempotency-key': key },
    )
  const gate = (state: 'open' | 'closed') =>
    operator.call('PUT', `${root}/day-ahead/gates/${date}`, { gate_state: state }, wait)

  const early = await submit(buyer, 'bid', 'early', { curves: [curve('3', '10')] })
  expect([early.status, early.body['code']]).toEqual([404, 'unknown-gate'])
  expect((await gate('open')).body).toMatchObject({ auction_state: 'open', delivery_date: date })

  const first = await submit(buyer, 'bid', 'evening', { curves: [curve('4', '50')] })
  expect([first.status, first.body['bid_state']]).toEqual([200, 'accepted'])
  const bid = await submit(buyer, 'bid', 'evening-2', {
    curves: [curve('3', '10')],
    blocks: [
      {
        block: 'night',
        market: 'H100.USE',
        price: '2.4',
        hours: [1, 2, 3].map(hour => ({ hour, amount: '4' })),
        minimum_acceptance_ratio: '0.5',
      },
    ],
    replaces: first.body['bid_id'],
  })
  expect([bid.status, bid.body['bid_state']]).toEqual([200, 'accepted'])
  const offer = await submit(seller, 'offer', 'evening', {
    curves: [curve('2.5', '6'), curve('2.8', '6'), ...[1, 2, 3].map(hour => curve('2', '4', hour))].filter(
      (each, at, all) => all.findIndex(({ hour }) => hour === each.hour) === at,
    ),
  })
  expect([offer.status, offer.body['bid_state']]).toEqual([200, 'accepted'])
  const own = rowsOf(await buyer.call('GET', `${root}/day-ahead/bids?delivery_date=${date}`))
  expect(own.map(({ bid_state }) => bid_state).sort()).toEqual(['accepted', 'replaced'])
  expect((await buyer.call('GET', `${root}/day-ahead/bids/${bid.body['bid_id']}`)).body['held']).toBe(
    own.find(({ bid_state }) => bid_state === 'accepted')?.['held'],
  )
  const dear = await submit(buyer, 'bid', 'dear', { curves: [curve('12', '1000000')] })
  expect([dear.status, dear.body['code']]).toEqual([422, expect.stringMatching(/^insufficient-/)])
  const spare = await submit(buyer, 'bid', 'spare', { curves: [curve('9', '1', 7)] })
  const withdrawn = await buyer.call('DELETE', `${root}/day-ahead/bids/${spare.body['bid_id']}`, undefined, wait)
  expect([withdrawn.status, withdrawn.body['bid_state']]).toEqual([200, 'withdrawn'])

  const before = await buyer.call('GET', `${root}/prices/${date}`)
  expect([before.status, before.body['code']]).toEqual([404, 'not-cleared'])
  expect(before.body['detail']).toContain('Its gate closes at')

  const rule = await consumerRule(exchange, `day-ahead-${date}`, {
    'detail-type': ['DayAheadCleared.v1'],
    detail: { market: ['H100.USE'], delivery_date: [date] },
  })
  expect((await gate('closed')).status).toBeLessThan(300)
  const late = await eventually(
    () => submit(buyer, 'bid', `late-${Math.random()}`, { curves: [curve('3', '1')] }),
    ({ status }) => status !== 200,
  )
  expect([late.status, late.body['code']]).toEqual([409, 'gate-closed'])

  const awards = await eventually(
    () => buyer.call('GET', `${root}/awards/${date}`),
    ({ body }) => body['auction_state'] === 'done',
    180_000,
  )
  const prices = rowsOf(await seller.call('GET', `${root}/prices/${date}`), 'prices')
  const evening = prices.find(({ market, hour }) => market === 'H100.USE' && hour === 18)
  expect(evening).toMatchObject({ bought: '6', sold: '6' })
  const positions = rowsOf(awards, 'positions')
  expect(positions.map(({ hour, direction, amount }) => [hour, direction, amount])).toEqual([
    [1, 'buy', '4'],
    [2, 'buy', '4'],
    [3, 'buy', '4'],
    [18, 'buy', '6'],
  ])
  expect(rowsOf(awards, 'blocks')).toMatchObject([{ block: 'night', decision: 'accepted', accepted_ratio: '1' }])

  // A consumer has heard of this market, and of no other one.
  const [heard, ...more] = await rule.heard(({ length }) => length > 0)
  expect(more).toEqual([])
  expect(heard?.detail).toMatchObject({ market: 'H100.USE', delivery_date: date })
  const told = z.array(z.record(z.string(), z.unknown())).parse(heard?.detail['hours'])
  expect(told.find(({ hour }) => hour === 18)).toMatchObject({ price: evening?.['price'], amount: '6' })

  // The positions are those of the ledger, both ways, and nothing is put by for bids any more.
  const held = async (client: ExchangeClient) =>
    rowsOf(await client.call('GET', '/api/v1/positions')).map(({ instrument_name, size }) => [instrument_name, size])
  const bought = positions.map(({ instrument_name, amount }) => [instrument_name, amount])
  expect(
    await eventually(
      () => held(buyer),
      ({ length }) => length === 4,
    ),
  ).toEqual(bought)
  expect(await held(seller)).toEqual(bought.map(([name, amount]) => [name, `-${amount}`]))
  for (const [client, account] of [
    [buyer, 'da-buyer'],
    [seller, 'da-seller'],
  ] as const)
    expect((await client.call('GET', `/api/v1/accounts/${account}`)).body['held']).toBe('0')
  const market = await buyer.call('GET', `/api/v1/markets/${bought[0]?.[0]}`)
  expect(market.body).toMatchObject({ settlement: 'physical', kind: 'future', underlying: 'H100.USE' })
}, 300_000)

test('the schedule opens the gates of the next dates', async () => {
  const markets = await eventually(
    async () => rowsOf(await buyer.call('GET', `${root}/markets`)),
    all =>
      z
        .array(z.object({ auction_state: z.string() }))
        .parse(all[0]?.['auctions'] ?? [])
        .some(({ auction_state }) => auction_state === 'open'),
    150_000,
  )
  expect(markets.map(({ market }) => market)).toEqual(expect.arrayContaining(['A100.USE', 'H100.USE']))
}, 200_000)
