import { beforeAll, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/**
 * Capacity as a service meets it: it asks for a training job, a plan is made and says why it is as it is, units are bought with
 * the account's money and reserved, given back when the job is cancelled, and serve the next request for nothing.
 */

const hour = 3_600_000
const region = 'PLAN-1'
let exchange: RunningExchange
let trainer: ExchangeClient
let rival: ExchangeClient
let startMillis: number

type Body = Readonly<Record<string, unknown>>
const bodyOf = async (asked: Promise<Answer>, expected: number): Promise<Body> => {
  const { status, body } = await asked
  if (status !== expected) throw new Error(`${status}: ${JSON.stringify(body)}`)
  return body
}
const at = (hours: number): string => new Date(startMillis + hours * hour).toISOString()

let names = 0
const named = (): Readonly<Record<string, string>> => {
  names += 1
  return { 'idempotency-key': `capacity-journey-${names}` }
}

/** Eight H100 for six hours, whenever within a day. */
const job = (more: object = {}): object => ({
  service: 'mlops',
  resource_class: 'H100',
  units: 8,
  regions: [region],
  earliest_start: at(0),
  window_end: at(24),
  duration_hours: 6,
  flexibility: 'start',
  priority: 3,
  budget: '500',
  preemptible: false,
  ...more,
})
const asked = async (client: ExchangeClient, more: object = {}): Promise<string> =>
  String((await bodyOf(client.call('POST', '/api/v1/capacity/request', job(more), named()), 202))['allocation_id'])
const allocation = (client: ExchangeClient, id: string): Promise<Answer> =>
  client.call('GET', `/api/v1/capacity/allocation/${id}`)

/** Once no other plan is under way; until all of it is booked. */
const planned = async (client: ExchangeClient): Promise<Body> => {
  const begun = await eventually(
    () => client.call('POST', '/api/v1/capacity/optimize', undefined, named()),
    ({ status }) => status === 202,
    90_000,
  )
  const path = `/api/v1/capacity/plans/${String(begun.body['plan_id'])}`
  const { body } = await eventually(
    () => client.call('GET', path),
    answer => answer.body['plan_state'] === 'done',
    120_000,
  )
  return body
}

/** Fixed by nobody until long after the journey. */
const index = {
  unit: 'USD per GPU-hour',
  description: 'of the capacity journey',
  sources: ['broker', 'cloud'].map(source => ({ source, weight: '1' })),
  fixing_interval_ms: hour,
  stale_after_ms: hour,
  outlier: '0.5',
  trim: '0',
  least_sources: 2,
  decimals: 4,
  fallback: 'none',
  fallback_after_ms: 0,
  fallback_max_age_ms: 0,
}

beforeAll(async () => {
  exchange = await runningExchange()
  trainer = await exchange.trader('capacity-trainer')
  rival = await exchange.trader('capacity-rival')
  const status: unknown = await (await fetch(`${exchange.url}/_local/status`)).json()
  const nowMillis = Date.parse(z.object({ now: z.string() }).parse(status).now)
  startMillis = Math.ceil(nowMillis / hour) * hour + 4 * hour
  // What journeys that move the clock leave of it: hours far enough from now.
  await exchange.trader('capacity-house')
  const operator = await exchange.as('capacity-house', 'market_operator')
  for (const [price, units] of [
    ['1.5', 8],
    ['2', 8],
  ] as const)
    await bodyOf(
      operator.call(
        'POST',
        '/api/v1/partners/contracts',
        {
          provider: 'generic',
          resource_class: 'H100',
          region,
          vector: { gpus: '1', vcpus: '12', memory_gib: '96', storage_tib: '0' },
          units,
          price,
          starts_at: at(-2),
          ends_at: at(238),
          is_shared: true,
        },
        named(),
      ),
      201,
    )
}, 400_000)

describe('a service that needs capacity', () => {
  test('is refused by name where what it asks for cannot be', async () => {
    const refused = async (more: object): Promise<unknown> =>
      (await trainer.call('POST', '/api/v1/capacity/request', job(more), named())).body['code']
    expect(await refused({ window_end: at(-1) })).toBe('capacity-window-invalid')
    expect(await refused({ budget: '-1' })).toBe('invalid-request')
    expect(await refused({ resource_class: 'B900' })).toBe('unknown-resource')
    expect((await trainer.call('GET', '/api/v1/capacity/allocations')).body['data']).toEqual([])
  })

  test('is planned, bought for and reserved; cancels, and is served from what it has', async () => {
    const own = await asked(trainer)
    const others = await asked(rival, { flexibility: 'none', budget: '60' })
    const plan = await planned(trainer)
    expect(plan['certificate']).toMatchObject({ is_optimal: true })
    // The rival's budget reaches for nothing dearer than 1.25 USD.
    expect((await allocation(rival, others)).body).toMatchObject({ allocation_state: 'unmet' })
    const { body } = await allocation(trainer, own)
    expect(body).toMatchObject({ allocation_state: 'reserved', cost: '72' })
    expect(plan['decisions']).toMatchObject([{ allocation_id: own, bound_by: 'nothing', booking: 'booked' }])
    expect((await allocation(rival, own)).status).toBe(404)

    expect((await bodyOf(trainer.call('DELETE', `/api/v1/capacity/allocation/${own}`), 200))['allocation_state']).toBe(
      'cancelled',
    )
    const next = await asked(trainer, {
      service: 'simulation',
      earliest_start: body['start'],
      window_end: body['end'],
      flexibility: 'none',
    })
    await planned(trainer)
    expect((await allocation(trainer, next)).body).toMatchObject({
      allocation_state: 'reserved',
      cost: '0',
      shares: [{ source_kind: 'inventory', units: 8 }],
    })
    const listed = await bodyOf(trainer.call('GET', '/api/v1/capacity/allocations?service=simulation'), 200)
    expect(listed['data']).toMatchObject([{ allocation_id: next }])
  }, 400_000)

  test('loses what it let others take back, where they do', async () => {
    const id = await asked(rival, { preemptible: true, units: 2 })
    await planned(rival)
    const operator = await exchange.as('operator', 'market_operator')
    const told = operator.call('POST', `/api/v1/capacity/allocation/${id}/preempt`, { reason: 'reclaimed' })
    expect((await bodyOf(told, 200))['allocation_state']).toBe('preempted')
  }, 300_000)

  test('is served from its inventory and, for the rest, from the book of a future', async () => {
    // Beyond what journeys that move the clock reach.
    const delivered = { from: at(960), to: at(966), region: 'PLANF' }
    const operator = await exchange.as('operator', 'market_operator')
    const house = await exchange.as('capacity-house')
    const underlying = `H100.${delivered.region}`
    await bodyOf(
      operator.call('PUT', `/api/v1/indices/${underlying}`, index, { 'idempotency-key': 'capacity-journey-index' }),
      200,
    )
    const market = {
      underlying,
      expiration_timestamp: at(959),
      tick_size: '0.01',
      min_trade_amount: '1',
      max_price: '10',
      taker_commission: '0',
      maker_commission: '0',
      terms: { averaging_start: at(958), delivery: { start: delivered.from, end: delivered.to, penalty_ppm: 0 } },
    }
    const listed = await bodyOf(operator.call('POST', '/api/v1/markets', market, { prefer: 'wait=10' }), 200)
    const contract = {
      provider: 'generic',
      resource_class: 'H100',
      region: delivered.region,
      vector: { gpus: '1', vcpus: '12', memory_gib: '96', storage_tib: '0' },
      units: 5,
      price: '1',
      starts_at: delivered.from,
      ends_at: delivered.to,
      is_shared: true,
    }
    const shared = await exchange.as('capacity-house', 'market_operator')
    await bodyOf(shared.call('POST', '/api/v1/partners/contracts', contract, named()), 201)
    const run = {
      regions: [delivered.region],
      earliest_start: delivered.from,
      window_end: delivered.to,
      flexibility: 'none',
    }
    // What is bought for a job that is then cancelled is inventory.
    const first = await asked(trainer, { ...run, units: 5 })
    await planned(trainer)
    await bodyOf(trainer.call('DELETE', `/api/v1/capacity/allocation/${first}`), 200)

    const instrument_name = listed['instrument_name']
    const ask = { instrument_name, direction: 'sell', price: '1.2', amount: '20', client_order_id: 'capacity-future' }
    await bodyOf(house.call('POST', '/api/v1/orders', ask, { prefer: 'wait=10' }), 200)
    // Books are shown a moment after the order is told of.
    await eventually(
      () => trainer.call('GET', `/api/v1/markets/${String(instrument_name)}/book`),
      answer => z.array(z.unknown()).parse(answer.body['asks']).length > 0,
    )
    const id = await asked(trainer, run)
    const plan = await planned(trainer)
    const { body } = await allocation(trainer, id)
    expect(body).toMatchObject({
      allocation_state: 'reserved',
      cost: '21.6',
      shares: [
        { source_kind: 'inventory', units: 5, price: '0' },
        { source_kind: 'future', source_id: instrument_name, units: 3, price: '1.2' },
      ],
    })
    expect(plan['decisions']).toMatchObject([{ allocation_id: id, booking: 'booked' }])
    const positions = await eventually(
      () => trainer.call('GET', '/api/v1/positions'),
      answer => z.array(z.object({ instrument_name: z.string() })).parse(answer.body['data']).length > 0,
    )
    expect(positions.body['data']).toMatchObject([{ instrument_name, size: '18' }])
  }, 400_000)

  test('bids in a day-ahead auction, takes a bid back while its gate is open, and has what is awarded', async () => {
    const operator = await exchange.as('operator', 'market_operator')
    const house = await exchange.as('capacity-house')
    const dateIn = (days: number): string => at(24 * days).slice(0, 10)
    const [before, date] = [dateIn(23), dateIn(24)]
    const root = '/api/v1/compute-futures'
    const gate = async (day: string, state: 'open' | 'closed'): Promise<void> => {
      const path = `${root}/day-ahead/gates/${day}`
      await bodyOf(operator.call('PUT', path, { gate_state: state }, { prefer: 'wait=10' }), 200)
    }
    const curves = (price: string) =>
      [5, 6].map(each => ({ market: 'H100.USE', hour: each, steps: [{ price, amount: '8' }] }))
    const submit = (client: ExchangeClient, side: 'bid' | 'offer', delivery_date: string, price: string) =>
      bodyOf(
        client.call(
          'POST',
          `${root}/day-ahead/${side}`,
          { delivery_date, curves: curves(price) },
          { ...named(), prefer: 'wait=10' },
        ),
        200,
      )
    const cleared = (day: string) =>
      eventually(
        () => house.call('GET', `${root}/awards/${day}`),
        answer => answer.body['auction_state'] === 'done',
        180_000,
      )
    // What an hour was last paid for is what a bid is limited by.
    await gate(before, 'open')
    await submit(rival, 'bid', before, '0.5')
    await submit(house, 'offer', before, '0.5')
    await gate(before, 'closed')
    await cleared(before)
    await gate(date, 'open')

    const run = {
      regions: ['USE'],
      earliest_start: `${date}T05:00:00Z`,
      window_end: `${date}T07:00:00Z`,
      duration_hours: 2,
      flexibility: 'none',
      units: 3,
    }
    const [own, dropped] = [await asked(trainer, run), await asked(trainer, { ...run, priority: 1 })]
    await planned(trainer)
    for (const id of [own, dropped])
      expect((await allocation(trainer, id)).body).toMatchObject({
        allocation_state: 'bidding',
        shares: [{ source_kind: 'day_ahead', source_id: `H100.USE/${date}`, units: 3 }],
      })
    const taken = await eventually(
      () => trainer.call('DELETE', `/api/v1/capacity/allocation/${dropped}`),
      ({ status }) => status === 200,
    )
    expect(taken.body['allocation_state']).toBe('cancelled')
    await submit(house, 'offer', date, '0.4')
    await gate(date, 'closed')
    expect((await trainer.call('DELETE', `/api/v1/capacity/allocation/${own}`)).body['code']).toBe('gate-closed')
    await cleared(date)
    const { body } = await eventually(
      () => allocation(trainer, own),
      answer => answer.body['allocation_state'] !== 'bidding',
      180_000,
    )
    expect(body).toMatchObject({ allocation_state: 'reserved', start: run.earliest_start.replace('Z', '.000Z') })
    const awards = await bodyOf(trainer.call('GET', `${root}/awards/${date}`), 200)
    expect(awards['positions']).toMatchObject([5, 6].map(each => ({ hour: each, direction: 'buy', amount: '3' })))
  }, 600_000)
})
