import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { listPositions } from '#adapters/tables/positions.ts'
import { openCapacityFloor } from '#test/support/capacity-floor.ts'

/** Units that are bid for in a day-ahead auction: its own workflow over real tables and the real engine. */

const floor = await openCapacityFloor()
const { partners } = floor
beforeEach(async () => {
  await partners.reset()
  await floor.auctioned()
})
afterEach(() => partners.end())
afterAll(() => partners.stop())

const dayMillis = 86_400_000
const dateIn = (days: number): string => new Date(partners.now() + days * dayMillis).toISOString().slice(0, 10)
/** Two hours of a date, for two units. */
const run = (date: string): object => ({
  earliest_start: `${date}T02:00:00.000Z`,
  window_end: `${date}T04:00:00.000Z`,
  flexibility: 'none',
})
const bought = async (): Promise<readonly number[]> =>
  (await listPositions(1, { limit: 10 })).rows.map(({ sizeLots }) => sizeLots)
const bidsOf = async (date: string): Promise<unknown> =>
  (await floor.bid('list-bids', { as: { account: 'alice', role: 'trader' }, query: { delivery_date: date } })).body[
    'data'
  ]

const shareOf = (row: Readonly<Record<string, unknown>>) => {
  const [share] = z.array(z.object({ bid_id: z.string(), price: z.string() })).parse(row['shares'])
  if (share === undefined) throw new Error('there is no share')
  return share
}

/** A day on which two hours cost a dollar, and the one after, for which bids are taken. */
const openDay = async (units = '5'): Promise<string> => {
  const [before, date] = [dateIn(4), dateIn(5)]
  await floor.gate(before, 'open')
  await floor.curve('bob', 'bid', before, '1', units, [2, 3])
  await floor.curve('house', 'offer', before, '1', units, [2, 3])
  await floor.gate(before, 'closed')
  expect((await getAuction(1, before))?.state).toBe('done')
  await floor.gate(date, 'open')
  expect((await getAuction(1, date))?.state).toBe('open')
  return date
}

describe('a request that is bid for', () => {
  test('waits for its award and has it at what the auction clears at', async () => {
    await partners.contract(10)
    const date = await openDay()
    const id = await floor.asked('alice', run(date))
    const planId = await floor.planned('alice')
    const bidding = await floor.read('alice', id)
    // A tenth more than it cost last, and a thousandth for the exchange.
    expect(bidding).toMatchObject({
      allocation_state: 'bidding',
      cost: '4.4044',
      shares: [{ source_kind: 'day_ahead', source_id: `H100.USE/${date}`, units: 2, price: '1.1011' }],
    })
    expect((await floor.plan('alice', planId))['decisions']).toMatchObject([{ booking: 'waiting' }])
    const hours = [2, 3].map(hour => ({ hour, amount: '2' }))
    expect(await bidsOf(date)).toMatchObject([
      {
        bid_id: shareOf(bidding).bid_id,
        bid_state: 'accepted',
        held: '4.4044',
        blocks: [{ market: 'H100.USE', price: '1.1', hours, minimum_acceptance_ratio: '1' }],
      },
    ])
    await floor.sweep()
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'bidding' })

    await floor.curve('house', 'offer', date, '0.9', '2', [2, 3])
    await floor.curve('carol', 'bid', date, '0.95', '2', [2, 3])
    await floor.gate(date, 'closed')
    await floor.sweep()
    const row = await floor.read('alice', id)
    expect(row).toMatchObject({ allocation_state: 'reserved', start: `${date}T02:00:00.000Z` })
    const [cost, price] = [Number(row['cost']), Number(shareOf(row).price)]
    // The exchange's thousandth on what it cleared at: not below who was left out, not above its own limit.
    expect(cost).toBeCloseTo(price * 4, 5)
    expect(price).toBeGreaterThanOrEqual(0.95 * 1.001)
    expect(price).toBeLessThanOrEqual(1.1011)
    expect(await bought()).toEqual([2, 2])
    // What was won is a position: nothing of it is given back.
    expect((await floor.cancel('alice', id)).body).toMatchObject({ allocation_state: 'cancelled' })
    expect(await bought()).toEqual([2, 2])
  })

  test('that is not awarded waits again, and is served by whom the next plan finds', async () => {
    await partners.contract(10)
    const date = await openDay()
    const id = await floor.asked('alice', run(date))
    await floor.planned('alice')
    await floor.curve('house', 'offer', date, '5', '2', [2, 3])
    await floor.gate(date, 'closed')
    await floor.sweep()
    expect(await floor.read('alice', id)).toMatchObject({
      allocation_state: 'requested',
      shares: [],
      cost: null,
      explanation: `Its bid for 2 units of H100.USE on ${date} was not accepted.`,
    })
    expect(await bought()).toEqual([])
    await floor.planned('alice')
    expect(await floor.read('alice', id)).toMatchObject({
      allocation_state: 'reserved',
      cost: '8',
      shares: [{ source_kind: 'partner', units: 2 }],
    })
  })

  test('is cancelled with its bid before the gate closes, and no longer after', async () => {
    const date = await openDay()
    const [early, late] = [await floor.asked('alice', run(date)), await floor.asked('bob', run(date))]
    await floor.planned('alice')
    for (const [account, id] of [
      ['alice', early],
      ['bob', late],
    ] as const)
      expect(await floor.read(account, id)).toMatchObject({ allocation_state: 'bidding' })
    // The engine's word is not there yet.
    expect((await floor.cancel('alice', early)).body).toMatchObject({ code: 'allocation-being-booked', retry: true })
    await partners.project()
    expect((await floor.cancel('alice', early)).body).toMatchObject({ allocation_state: 'cancelled', cost: null })
    expect(await bidsOf(date)).toMatchObject([{ bid_state: 'withdrawn', held: '0' }])
    expect((await partners.money('alice'))[1]).toBe(0)
    await floor.curve('house', 'offer', date, '0.9', '2', [2, 3])
    await floor.gate(date, 'closed')
    expect(await floor.cancel('bob', late)).toMatchObject({ status: 409, body: { code: 'gate-closed' } })
    await floor.sweep()
    expect(await floor.read('bob', late)).toMatchObject({ allocation_state: 'reserved' })
    expect(await bought()).toEqual([])
  })

  test('is never counted on for more than was traded there, or more than its budget', async () => {
    const date = await openDay('1')
    const [much, poor] = [
      await floor.asked('alice', run(date)),
      await floor.asked('bob', { ...run(date), units: 1, budget: '2.2' }),
    ]
    await floor.planned('alice')
    expect(await floor.read('alice', much)).toMatchObject({ allocation_state: 'unmet' })
    expect(await floor.read('bob', poor)).toMatchObject({ allocation_state: 'unmet' })
    const exact = await floor.asked('carol', { ...run(date), units: 1, budget: '2.2022' })
    await floor.planned('carol')
    expect(await floor.read('carol', exact)).toMatchObject({ allocation_state: 'bidding', cost: '2.2022' })
  })

  test('whose gate closes before its bid arrives waits for the next plan', async () => {
    await partners.contract(10)
    const date = await openDay()
    const id = await floor.asked('alice', run(date))
    const planId = String((await floor.optimize('alice')).body['plan_id'])
    await floor.make(planId)
    await floor.gate(date, 'closed')
    expect((await floor.book(planId)).is_done).toBe(true)
    const row = await floor.read('alice', id)
    expect(row).toMatchObject({ allocation_state: 'requested', shares: [] })
    expect(row['explanation']).toContain('was refused: ')
    await floor.planned('alice')
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'reserved', cost: '8' })
  })
})
