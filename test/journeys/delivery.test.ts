import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from '@jest/globals'
import * as z from 'zod'
import type { Answer, ExchangeClient } from '#bin/client.ts'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import { consumerRule } from './consumer-rule.ts'
import { afterTheJourneys, eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/**
 * Three futures from listing to delivery on the running exchange: of the first one attempt fails and the next delivers, the second is
 * delivered with what is bought of a partner, the third is never delivered and paid in cash. It moves the clock by hours.
 */

const run = promisify(execFile)
const root = join(import.meta.dirname, '..', '..')
const wait = { prefer: 'wait=10' }
const minute = 60_000
const hour = 60 * minute
const sources = ['broker', 'cloud'] as const

let exchange: RunningExchange
let operator: ExchangeClient
let buyer: ExchangeClient
let seller: ExchangeClient

beforeAll(async () => {
  await afterTheJourneys(import.meta.filename)
  exchange = await runningExchange()
  operator = await exchange.as('operator', 'market_operator')
  ;[buyer, seller] = await Promise.all([
    exchange.trader('t-receives', '100000'),
    exchange.trader('t-delivers', '100000'),
  ])
}, 300_000)

const nowMillis = async (): Promise<number> => {
  const status: unknown = await (await fetch(`${exchange.url}/_local/status`)).json()
  return Date.parse(z.object({ now: z.string() }).parse(status).now)
}
const forwardTo = async (millis: number): Promise<void> => {
  const forward_millis = millis - (await nowMillis())
  if (forward_millis <= 0) return
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
  if (status > 202) throw new Error(`${status}: ${JSON.stringify(body)}`)
  return body
}

const balance = async (client: ExchangeClient, account: string): Promise<number> =>
  Math.round(Number((await done(client.call('GET', `/api/v1/accounts/${account}`)))['balance']) * 100)

test('a delivery that fails is cured, or bought in, and one that is never made is paid in cash', async () => {
  await operator.call(
    'POST',
    '/api/v1/lanes/1/engine-version',
    { version: newestEngineVersion },
    { ...wait, 'idempotency-key': 'delivery-journey' },
  )
  const index = `DLV${String((await nowMillis()) % 1e8)}.USE`
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
  const quote = async (level: string): Promise<void> => {
    const timestamp = iso(await nowMillis())
    const quotes = sources.map(source => ({ source, level, timestamp }))
    await done(operator.call('POST', `/api/v1/indices/${index}/quotes`, { quotes }))
  }
  await quote('2')
  const expiration = (Math.floor((await nowMillis()) / minute) + 3) * minute
  // What is nominated, cured and bought in between takes some minutes where the machine is busy.
  const start = Math.ceil((expiration + 20 * minute) / hour) * hour
  const list = async (hours: number): Promise<string> => {
    const delivery = { start: iso(start), end: iso(start + hours * hour), penalty_ppm: 100_000 }
    const listed = await done(
      operator.call(
        'POST',
        '/api/v1/markets',
        {
          underlying: index,
          expiration_timestamp: iso(expiration),
          tick_size: '0.01',
          min_trade_amount: '1',
          max_price: '10',
          taker_commission: '0',
          maker_commission: '0',
          terms: { averaging_start: iso(expiration - minute), delivery },
        },
        wait,
      ),
    )
    return z.string().parse(listed['instrument_name'])
  }
  const [cured, bought, unmade] = [await list(1), await list(2), await list(3)]
  // Four units for the two hours of the second: 8.40 USD, for which the seller is paid 8.
  await exchange.trader('t-house')
  await done(
    (await exchange.as('t-house', 'market_operator')).call(
      'POST',
      '/api/v1/partners/contracts',
      {
        provider: 'generic',
        resource_class: index.slice(0, index.indexOf('.')),
        region: 'USE',
        vector: { gpus: '1', vcpus: '12', memory_gib: '96', storage_tib: '0' },
        units: 4,
        price: '1.05',
        starts_at: iso(start),
        ends_at: iso(start + 2 * hour),
        is_shared: true,
      },
      { 'idempotency-key': `contract-${index}` },
    ),
  )
  const script = (instrument: string, behaviours: string) =>
    run(process.execPath, [join(root, 'bin/provisioning.ts'), instrument, behaviours], {
      env: { ...process.env, EXCHANGE_URL: exchange.url },
    })
  expect((await script(cured, 'fail,succeed')).stdout).toBe(`${cured}: fail,succeed\n`)
  await script(bought, 'decline,decline,decline,succeed')
  await script(unmade, 'decline')
  await expect(script(cured, 'wonder')).rejects.toThrow()

  const rule = await consumerRule(exchange, `deliveries-${index.slice(0, index.indexOf('.'))}`, {
    'detail-type': ['DeliveryStateChanged.v1', 'ProvisioningRequested.v1', 'ProvisioningReleaseRequested.v1'],
    detail: { instrument_name: [cured, bought] },
  })

  const before = [await balance(buyer, 't-receives'), await balance(seller, 't-delivers')]
  for (const instrument_name of [cured, bought, unmade])
    for (const [client, direction] of [
      [seller, 'sell'],
      [buyer, 'buy'],
    ] as const)
      await done(
        client.call(
          'POST',
          '/api/v1/orders',
          { instrument_name, direction, price: '2', amount: '4', client_order_id: `${direction}-${instrument_name}` },
          wait,
        ),
      )
  const early = await operator.call('POST', '/api/v1/compute-futures/settlement/initiate', { instrument_name: cured })
  expect([early.status, early.body['code']]).toEqual([409, 'instrument-not-expired'])

  for (const at of [expiration - minute, expiration]) {
    await quote('2')
    await forwardTo(at + minute / 2)
    await eventually(
      async () => rowsOf(await buyer.call('GET', `/api/v1/indices/${index}/fixings`)),
      fixings => fixings.some(({ timestamp }) => timestamp === iso(at)),
    )
  }
  await forwardTo(expiration + minute + minute / 2)
  for (const instrument_name of [cured, bought, unmade])
    await eventually(
      () => operator.call('POST', '/api/v1/compute-futures/settlement/initiate', { instrument_name }),
      ({ status, body }) => status === 202 && body['settlement_state'] === 'settled',
    )

  const deliveryOf = async (client: ExchangeClient, instrument_name: string) => {
    const path = `/api/v1/compute-futures/deliveries`
    const [row] = rowsOf(await client.call('GET', `${path}?instrument_name=${instrument_name}`))
    return row === undefined ? undefined : done(client.call('GET', `${path}/${String(row['delivery_id'])}`))
  }
  const reached = (instrument: string, ...states: readonly string[]) =>
    eventually(
      () => deliveryOf(buyer, instrument),
      told => states.includes(String(told?.['delivery_state'])),
    )
  // Three attempts, a tenth of 8 USD as penalty; nothing was worth more elsewhere.
  const paid = await reached(unmade, 'cash_settled')
  expect(paid).toMatchObject({ side: 'buyer', attempt: 3, payments: [{ outcome: 'undelivered', compensation: '0.8' }] })

  expect(paid?.['buy_in']).toBeNull()

  await reached(cured, 'reserved', 'delivered')
  const buyIn = { buy_in_state: 'bought', attempt: 4, amount: '4', price: '2.1' }
  expect(await reached(bought, 'reserved', 'delivered')).toMatchObject({ attempt: 4, buy_in: buyIn })
  await forwardTo(start)
  await reached(cured, 'delivered')
  await reached(bought, 'delivered')
  await forwardTo(start + hour)
  const delivered = await reached(cured, 'settled')
  expect(delivered).toMatchObject({ attempt: 2, payments: [{ outcome: 'delivered', amount: '4', invoice: '8' }] })
  // What was reserved is given back after the payment, which moves the row once more.
  expect(await deliveryOf(seller, cured)).toEqual({
    ...delivered,
    side: 'seller',
    updated_at: expect.stringMatching(/^2/),
  })

  await forwardTo(start + 2 * hour)
  // Until the units of its lot count as delivered.
  const [lot] = await eventually(
    async () => rowsOf(await seller.call('GET', `/api/v1/partners/inventory?starts_at=${iso(start)}`)),
    ([row]) => JSON.stringify(row).includes('"delivered":8'),
  )
  expect([lot?.['units'], lot?.['resource_class']]).toEqual([4, index.slice(0, index.indexOf('.'))])
  const purchased = await reached(bought, 'settled')
  expect(purchased).toMatchObject({ payments: [{ outcome: 'delivered', invoice: '8' }], buy_in: { purchase_id: null } })
  expect((await deliveryOf(seller, bought))?.['buy_in']).toMatchObject({ ...buyIn, purchase_id: lot?.['reference'] })

  const after = await eventually(
    async () => [await balance(buyer, 't-receives'), await balance(seller, 't-delivers')],
    ([now = 0]) => now === (before[0] ?? 0) - 1_520,
  )
  expect(after).toEqual([(before[0] ?? 0) - 1_520, (before[1] ?? 0) + 680])
  // A consumer hears every change of state, and what the provisioning service is asked.
  const heard = await rule.heard(
    events => events.filter(({ detail }) => detail['delivery_state'] === 'settled').length === 2,
  )
  const toldOf = (instrument: string, name: string) =>
    heard.filter(event => event.name === name && event.detail['instrument_name'] === instrument)
  const changes = toldOf(cured, 'DeliveryStateChanged.v1')
    .map(({ detail }) => [detail['sequence'], detail['delivery_state']] as const)
    .toSorted(([one], [other]) => Number(one) - Number(other))
  const timeline = z
    .array(z.object({ sequence: z.number(), delivery_state: z.string() }))
    .parse(delivered?.['timeline'])
    .map(({ sequence, delivery_state }) => [sequence, delivery_state])
  expect(changes).toEqual(timeline)
  expect(toldOf(bought, 'ProvisioningRequested.v1').map(({ detail }) => detail['partner_lot'])).toContainEqual({
    lot_id: lot?.['lot_id'],
    provider: 'generic',
    units: 4,
  })
  expect(toldOf(bought, 'ProvisioningReleaseRequested.v1').length).toBeGreaterThan(0)
  expect(new Set(heard.map(({ detail }) => detail['instrument_name']))).toEqual(new Set([cured, bought]))
  // The provisioning service has given back all that it had.
  const stale = await (await exchange.as('provisioning', 'service')).call(
    'POST',
    `/api/v1/compute-futures/deliveries/${String(delivered?.['delivery_id'])}/callbacks`,
    { step: 'provision', attempt: 1, callback_token: 'guessed'.padEnd(43, '0'), outcome: 'succeeded', amount: '4' },
  )
  expect([stale.status, stale.body['code']]).toEqual([409, 'callback-stale'])
}, 300_000)
