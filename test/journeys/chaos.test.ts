import { beforeAll, expect, test } from '@jest/globals'
import { openStores } from '#bin/chaos/evidence.ts'
import { attachExchange } from '#bin/chaos/exchange.ts'
import { runChaos } from '#bin/chaos/run.ts'
import type { ExchangeClient } from '#bin/client.ts'
import { laneView } from '#protocol/operations/supervision.ts'
import { afterTheJourneys, eventually, type RunningExchange, runningExchange } from './running-exchange.ts'

/** What stops a lane, on the exchange that all other journeys have used. */

let exchange: RunningExchange

beforeAll(async () => {
  await afterTheJourneys(import.meta.filename)
  exchange = await runningExchange()
}, 300_000)

const wait = { prefer: 'wait=10' }
const otherChain = 'f'.repeat(32)

/** Places orders of both directions, one after the other, until it is told to end. */
const startFlow = (clients: readonly [ExchangeClient, ExchangeClient], instrument: string) => {
  const acknowledged: string[] = []
  const refused = new Map<unknown, number>()
  let isOver = false
  const flow = async () => {
    for (let number = 0; !isOver; number++) {
      const [client, direction] = number % 2 === 0 ? ([clients[0], 'sell'] as const) : ([clients[1], 'buy'] as const)
      const body = {
        instrument_name: instrument,
        direction,
        amount: '1',
        price: '2',
        client_order_id: `halt-${number}`,
      }
      const answer = await client.call('POST', '/api/v1/orders', body)
      if (answer.status === 202) acknowledged.push(String(answer.body['order_id']))
      else refused.set(answer.body['code'], (refused.get(answer.body['code']) ?? 0) + 1)
      await new Promise(resume => setTimeout(resume, 50))
    }
  }
  const flowing = flow()
  return {
    acknowledged,
    refused,
    async stop() {
      isOver = true
      await flowing
    },
  }
}

test('a lane in two minds halts; an operator has it reopened in stages, and nothing was lost', async () => {
  const stores = await openStores(1, (await attachExchange(exchange.url)).aws)
  const operator = await exchange.as('operator', 'market_operator')
  const clients = [await exchange.trader('t-halt-seller'), await exchange.trader('t-halt-buyer')] as const
  const instrument = 'H100.USE-HALT'
  const listing = {
    instrument_name: instrument,
    underlying: 'H100.USE',
    tick_size: '0.01',
    min_trade_amount: '1',
    max_price: '10',
    expiration_timestamp: new Date(Date.now() + 30 * 86_400_000).toISOString(),
  }
  expect((await operator.call('POST', '/api/v1/markets', listing, wait)).status).toBe(200)
  const controls = { auction_ms: 1_500 }
  expect((await operator.call('PUT', `/api/v1/markets/${instrument}/controls`, controls, wait)).status).toBe(200)
  const resting = {
    instrument_name: instrument,
    direction: 'sell',
    amount: '1',
    price: '9',
    client_order_id: 'halt-rest',
  }
  const { body: rested } = await clients[0].call('POST', '/api/v1/orders', resting, wait)
  const readLane = async () => laneView.parse((await operator.call('GET', '/api/v1/lanes/1')).body)
  const readState = async () => (await operator.call('GET', `/api/v1/markets/${instrument}`)).body['trading_state']
  const { epoch } = await readLane()
  const flow = startFlow(clients, instrument)

  try {
    // What is published is not what the standby has come to: a checkpoint of another history.
    let chain = ''
    await eventually(
      async () => {
        const lease = await stores.lease()
        if (lease.chain !== otherChain && (await stores.replaceChain(lease.chain, otherChain))) chain = lease.chain
        return stores.lease()
      },
      ({ halted }) => halted?.startsWith('divergence') === true,
    )
    // The fault is mended: the row is as it was.
    await stores.replaceChain(otherChain, chain)
    await eventually(
      async () => flow.refused.get('lane-halted') ?? 0,
      times => times > 0,
    )
    expect(await readLane()).toMatchObject({ leader: null, reopening: null, epoch })
    const cancel = await clients[0].call('DELETE', `/api/v1/orders/${rested['order_id']}`, undefined, {
      'idempotency-key': 'halt-cancel',
    })
    expect(cancel.status).toBe(202)

    await eventually(readLane, ({ replicas }) => replicas.length > 1 && replicas.every(each => each.is_verified))
    const reopening = await operator.call('POST', '/api/v1/lanes/1/reopening', undefined, {
      'idempotency-key': 'halt-1',
    })
    expect([reopening.status, reopening.body['reopening_state']]).toEqual([202, 'verifying'])
    const states = new Set<unknown>()
    await eventually(
      async () => {
        const state = await readState()
        states.add(state)
        return { state, lane: await readLane() }
      },
      // Projected a little later: what it was before does not count.
      ({ state, lane }) =>
        lane.reopening?.reopening_state === 'reopened' &&
        state === 'continuous' &&
        (states.has('halted') || states.has('auction')),
    )
    expect((await readLane()).reopening?.auctions_end_at).not.toBeNull()
    expect(await readLane()).toMatchObject({ halted: null, reopening: { failure: null } })
    expect((await readLane()).epoch).toBeGreaterThan(epoch)
    const before = flow.acknowledged.length
    await eventually(
      async () => flow.acknowledged.length,
      count => count > before + 2,
    )
  } finally {
    await flow.stop()
  }
  const cancelled = await eventually(
    () => clients[0].call('GET', `/api/v1/orders/${rested['order_id']}`),
    ({ body }) => body['order_state'] === 'cancelled',
  )
  expect(cancelled.body['cancel_reason']).toBe('user-request')
  // Each that was acknowledged has become an order, and but for what was refused while the market was halted, trades.
  const rows = await eventually(
    async () => {
      const { orders } = await stores.tables()
      return new Map(orders.map(row => [row['order_id'], row] as const))
    },
    orders => flow.acknowledged.every(id => orders.has(id)),
  )
  const ends = flow.acknowledged.map(id => rows.get(id)).map(row => row?.['reject_reason'] ?? row?.['order_state'])
  expect([...new Set(ends)].filter(end => !['filled', 'open', 'instrument-halted'].includes(String(end)))).toEqual([])
  expect(ends.filter(end => end === 'filled').length).toBeGreaterThan(3)
  stores.close()
}, 180_000)

test('leader and projectors killed or frozen: nothing is lost, nothing is applied twice', async () => {
  // Everything that all journeys left behind is compared too.
  const report = await runChaos({
    exchange: await attachExchange(exchange.url),
    seed: 1,
    millis: 60_000,
    faults: ['freeze-projector', 'stall-leader', 'kill-projector', 'kill-leader'],
    accounts: 3,
    pauseMillis: 100,
    putsRecords: false,
  })
  expect(report.violations).toEqual([])
  expect(report.divergences).toBe(0)
  expect(report.kills).toBe(2)
  expect(report.failovers).toHaveLength(1)
  expect(report.acknowledged).toBeGreaterThan(10)
  expect(report.trades).toBeGreaterThan(0)
}, 300_000)
