import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import * as z from 'zod'
import { putObservations } from '#adapters/tables/capacity-observations.ts'
import { getProcurementPolicy, putProcurementPolicy } from '#adapters/tables/procurement-policies.ts'
import { openCapacityFloor } from '#test/support/capacity-floor.ts'
import { cashAtFirst } from '#test/support/partner-floor.ts'

/** Bids that follow from forecasts, in a day-ahead auction over real tables and the real engine. */

const floor = await openCapacityFloor()
const { partners } = floor
beforeEach(async () => {
  await partners.reset()
  await floor.auctioned()
})
afterEach(() => partners.end())
afterAll(() => partners.stop())

const hourMillis = 3_600_000
const dayMillis = 24 * hourMillis
const dateIn = (days: number): string => new Date(partners.now() + days * dayMillis).toISOString().slice(0, 10)

/** 20 units an hour, at 2 USD, for so many hours until now. */
const observed = async (hours = 300): Promise<void> => {
  const thisHour = Math.floor(partners.now() / hourMillis) * hourMillis
  for (const [measure, value] of [
    ['demand', 20],
    ['price', 2],
  ] as const)
    await putObservations(
      { measure, resourceClass: 'H100', region: 'USE' },
      thisHour - hours * hourMillis,
      Array.from({ length: hours }, () => value * 1_000_000),
    )
}

const set = (body: object) =>
  floor.request('set-procurement-policy', {
    as: { account: 'alice', role: 'trader' },
    path: { market: 'H100.USE' },
    body: { mode: 'live', budget: '10000', ...body },
  })
const lastRun = async () => {
  const { body } = await floor.request('list-procurement-policies', { as: { account: 'alice', role: 'trader' } })
  const [policy] = z.array(z.object({ last_run: z.record(z.string(), z.unknown()).nullable() })).parse(body['data'])
  return policy?.last_run
}
const bids = async (date: string) =>
  z
    .array(z.record(z.string(), z.unknown()))
    .parse(
      (await floor.bid('list-bids', { as: { account: 'alice', role: 'trader' }, query: { delivery_date: date } })).body[
        'data'
      ],
    )
/** The minute in which it is asked for, and the next, in which it knows the engine's word. */
const procured = async (): Promise<void> => {
  await floor.procure()
  await partners.settle()
  await floor.procure()
}

describe('a procurement policy', () => {
  test('bids once for each date whose gate is open, within its budget, and is awarded like anybody', async () => {
    await observed()
    const date = dateIn(5)
    await floor.gate(date, 'open')
    expect((await set({})).body).toMatchObject({ mode: 'live', version: 1, last_run: null })
    await procured()
    const placed = await lastRun()
    // 24 hours, 20 units each, at 2 USD.
    expect(placed).toMatchObject({ delivery_date: date, result: 'placed', units: 480, cost: '960', reason: null })
    const [bid, ...more] = await bids(date)
    expect(more).toEqual([])
    expect(bid).toMatchObject({ bid_id: placed?.['bid_id'], direction: 'buy', bid_state: 'accepted', held: '960.96' })
    for (let run = 0; run < 3; run += 1) await procured()
    expect(await bids(date)).toHaveLength(1)
    expect(await partners.money('alice')).toEqual([cashAtFirst, 960_960_000])

    await floor.curve('house', 'offer', date, '1.5', '20', [7])
    await floor.gate(date, 'closed')
    const { body } = await floor.bid('get-day-ahead-awards', {
      as: { account: 'alice', role: 'trader' },
      path: { delivery_date: date },
    })
    expect(JSON.stringify(body)).toContain('"amount":"20"')
    // The next date, once its gate is open.
    await floor.gate(dateIn(6), 'open')
    await procured()
    expect(await lastRun()).toMatchObject({ delivery_date: dateIn(6), result: 'placed' })
  })

  test('keeps to its budget, with the commission, to its highest price, and to what is covered', async () => {
    await observed()
    const date = dateIn(5)
    await floor.gate(date, 'open')
    await set({ budget: '100', max_price: '1.5', covered_units: 5, max_units: 10 })
    await procured()
    const run = await lastRun()
    expect(run).toMatchObject({ result: 'placed', units: 66, cost: '99' })
    expect((await bids(date))[0]).toMatchObject({ held: '99.099' })
  })

  test('that is off, or only tried, places nothing', async () => {
    await observed()
    const date = dateIn(5)
    await floor.gate(date, 'open')
    await set({ mode: 'off' })
    await procured()
    expect(await lastRun()).toBeNull()
    await set({ mode: 'dry_run' })
    await procured()
    expect(await lastRun()).toMatchObject({ delivery_date: date, result: 'dry_run', units: 480, bid_id: null })
    expect(await bids(date)).toEqual([])
    // What was only tried for a date is not bid for it afterwards.
    await set({ mode: 'live' })
    await procured()
    expect(await bids(date)).toEqual([])
  })

  test('waits for its forecasts, and says why', async () => {
    const date = dateIn(5)
    await floor.gate(date, 'open')
    await set({})
    await procured()
    expect(await lastRun()).toMatchObject({ delivery_date: date, result: 'waiting', reason: 'unknown-resource' })
    const row = await getProcurementPolicy('alice', 'H100.USE')
    await procured()
    expect(await getProcurementPolicy('alice', 'H100.USE')).toEqual(row)
    await observed()
    await procured()
    expect(await lastRun()).toMatchObject({ delivery_date: date, result: 'placed' })
  })

  test('whose money is not there is refused, and told so', async () => {
    await observed()
    const date = dateIn(5)
    await floor.gate(date, 'open')
    await partners.command({ type: 'withdraw', accountId: 1, amountMicros: cashAtFirst - 1_000_000 })
    await set({})
    await procured()
    expect(await lastRun()).toMatchObject({ delivery_date: date, result: 'refused', bid_id: null })
    expect((await lastRun())?.['reason']).toMatch(/insufficient/)
    expect(await partners.money('alice')).toEqual([1_000_000, 0])
  })

  test('that is worth nothing within its limits bids nothing', async () => {
    await observed()
    await floor.gate(dateIn(5), 'open')
    await set({ budget: '0' })
    await procured()
    expect(await lastRun()).toMatchObject({ result: 'nothing', units: 0, cost: '0' })
    expect(await bids(dateIn(5))).toEqual([])
  })

  test('makes the same bid again where it broke off, whatever the forecasts are by then', async () => {
    await observed()
    const date = dateIn(5)
    await floor.gate(date, 'open')
    await set({})
    await procured()
    const row = await getProcurementPolicy('alice', 'H100.USE')
    if (row?.lastRun === undefined) throw new Error('nothing was placed')
    const { bidId, ...before } = row.lastRun
    // As though it had ended right after it had bid.
    expect(
      await putProcurementPolicy({ ...row, revision: row.revision + 1, lastRun: { ...before, result: 'bidding' } }),
    ).toBe(true)
    await procured()
    expect(await lastRun()).toMatchObject({ result: 'placed', bid_id: bidId })
    expect(await bids(date)).toHaveLength(1)
  })

  test('that is only to be tried from now on does not place what it was about to', async () => {
    await observed()
    const date = dateIn(5)
    await floor.gate(date, 'open')
    await set({})
    const row = await getProcurementPolicy('alice', 'H100.USE')
    if (row === undefined) throw new Error('there is no policy')
    const steps = [{ hour: 1, priceMicros: 2_000_000, lots: 1 }]
    const about = {
      deliveryDate: date,
      result: 'bidding' as const,
      steps,
      costMicros: 2_000_000,
      units: 1,
      atMillis: 1,
    }
    expect(await putProcurementPolicy({ ...row, revision: row.revision + 1, lastRun: about })).toBe(true)
    await set({ mode: 'dry_run' })
    await procured()
    expect(await lastRun()).toMatchObject({ result: 'refused', reason: 'The policy places no bids any more.' })
    expect(await bids(date)).toEqual([])
  })

  test('that is not stored before its gate has closed is refused by name', async () => {
    await observed()
    const date = dateIn(5)
    await floor.gate(date, 'open')
    await set({})
    const row = await getProcurementPolicy('alice', 'H100.USE')
    if (row === undefined) throw new Error('there is no policy')
    await floor.gate(date, 'closed')
    const steps = [{ hour: 1, priceMicros: 2_000_000, lots: 1 }]
    const lost = { deliveryDate: date, result: 'bidding' as const, steps, costMicros: 2_000_000, units: 1, atMillis: 1 }
    expect(await putProcurementPolicy({ ...row, revision: row.revision + 1, lastRun: lost })).toBe(true)
    await procured()
    expect(await lastRun()).toMatchObject({ result: 'refused', reason: expect.stringMatching(/closed|open/) })
  })
})
