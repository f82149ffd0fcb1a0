import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openCapacityFloor } from '#test/support/capacity-floor.ts'
import { cashAtFirst } from '#test/support/partner-floor.ts'

/** Units that are bought in the books of futures: real tables, the real engine, orders by the stream. */

const floor = await openCapacityFloor()
const { partners } = floor
beforeEach(() => partners.reset())
afterEach(() => partners.end())
afterAll(() => partners.stop())

/** Two hours from the second one on. */
const fixed = () => ({ flexibility: 'none', window_end: partners.hour(4) })
/** Units and source of each share. */
const sharesOf = (row: Readonly<Record<string, unknown>>) => row['shares']

/** The plan is made, then somebody else comes, then it is booked. */
const overtaken = async (account: 'alice', meanwhile: () => Promise<unknown>): Promise<string> => {
  const planId = String((await floor.optimize(account)).body['plan_id'])
  await floor.make(planId)
  await meanwhile()
  for (let polls = 0; polls < 30; polls++) {
    if ((await floor.book(planId, polls)).is_done) return planId
    await partners.settle()
  }
  throw new Error(`${planId} was never booked`)
}

describe('a plan', () => {
  test('buys of the book what is cheaper there, and the rest of a partner', async () => {
    await partners.contract(10)
    const future = await floor.future(2, 2)
    await floor.order('house', future, 'sell', 150, 3)
    const id = await floor.asked('alice', fixed())
    const planId = await floor.planned('alice')
    const row = await floor.read('alice', id)
    // Three lots make one unit for two hours; the odd one is no unit.
    expect(row).toMatchObject({ allocation_state: 'reserved', cost: '7', plan_id: planId })
    expect(sharesOf(row)).toMatchObject([
      {
        source_kind: 'future',
        source_id: expect.stringMatching(/^H100\.USE-/),
        units: 1,
        price: '1.5',
        order_id: expect.any(String),
      },
      { source_kind: 'partner', units: 1, price: '2', order_id: null },
    ])
    expect(partners.lots('alice', future)).toBe(2)
    expect(partners.lots('house', future)).toBe(-2)
    expect((await floor.plan('alice', planId))['decisions']).toMatchObject([{ booking: 'booked', cost: '7' }])
    // A position is not given back with the rest.
    expect((await floor.cancel('alice', id)).body).toMatchObject({ allocation_state: 'cancelled' })
    expect(partners.lots('alice', future)).toBe(2)
  })

  test('pays for all hours of a delivery, and so leaves one that is longer than the run where that is dearer', async () => {
    await partners.contract(10)
    const future = await floor.future(2, 4)
    await floor.order('house', future, 'sell', 150, 40)
    const id = await floor.asked('alice', fixed())
    await floor.planned('alice')
    expect(await floor.read('alice', id)).toMatchObject({ cost: '8', shares: [{ source_kind: 'partner', units: 2 }] })
    const longer = await floor.asked('alice', { flexibility: 'none', window_end: partners.hour(6), duration_hours: 4 })
    await floor.planned('alice')
    expect(await floor.read('alice', longer)).toMatchObject({
      cost: '12',
      shares: [{ source_kind: 'future', units: 2 }],
    })
    expect(partners.lots('alice', future)).toBe(8)
  })

  test('is known where nothing but a future is to be had, and keeps the budget', async () => {
    const future = await floor.future(2, 2)
    await floor.order('house', future, 'sell', 150, 4)
    const poor = await floor.asked('bob', { ...fixed(), budget: '5.99' })
    await floor.planned('bob')
    expect(await floor.read('bob', poor)).toMatchObject({ allocation_state: 'unmet', shares: [] })
    expect((await floor.plan('bob', String((await floor.read('bob', poor))['plan_id'])))['decisions']).toMatchObject([
      { bound_by: 'budget' },
    ])
    expect((await floor.cancel('bob', poor)).status).toBe(200)
    const exact = await floor.asked('bob', { ...fixed(), budget: '6' })
    await floor.planned('bob')
    expect(await floor.read('bob', exact)).toMatchObject({ allocation_state: 'reserved', cost: '6' })
  })

  test('that is overtaken keeps what its order was filled with, and the next one finds the rest', async () => {
    const future = await floor.future(2, 2)
    await floor.order('house', future, 'sell', 150, 4)
    const id = await floor.asked('alice', fixed())
    const planId = await overtaken('alice', () => floor.order('bob', future, 'buy', 150, 1))
    const row = await floor.read('alice', id)
    expect(row).toMatchObject({ allocation_state: 'requested', start: partners.hour(2), cost: '4.5' })
    expect(row['explanation']).toMatch(
      /^Planned, and not booked: the order for 2 units of .* cancelled, immediate-or-cancel, 3 lots/,
    )
    expect(sharesOf(row)).toMatchObject([{ source_kind: 'future', units: 1 }])
    expect(partners.lots('alice', future)).toBe(3)
    expect((await floor.plan('alice', planId))['decisions']).toMatchObject([{ booking: 'not_booked' }])
    await partners.contract(10)
    await floor.planned('alice')
    const booked = await floor.read('alice', id)
    expect(booked).toMatchObject({ allocation_state: 'reserved', cost: '8.5', start: partners.hour(2) })
    expect(sharesOf(booked)).toMatchObject([
      { source_kind: 'future', units: 1 },
      { source_kind: 'partner', units: 1 },
    ])
    expect(partners.lots('alice', future)).toBe(3)
  })

  test('that is left with lots which make no unit begins anew anywhere, with what is left of its budget', async () => {
    const future = await floor.future(2, 2)
    await floor.order('house', future, 'sell', 150, 4)
    const id = await floor.asked('alice', {
      budget: '9',
      window_end: partners.hour(6),
      earliest_start: partners.hour(1),
    })
    await overtaken('alice', () => floor.order('bob', future, 'buy', 150, 3))
    expect(await floor.read('alice', id)).toMatchObject({
      allocation_state: 'requested',
      start: null,
      cost: '1.5',
      shares: [{ source_kind: 'future', units: 0 }],
    })
    expect(partners.lots('alice', future)).toBe(1)
    await partners.contract(10)
    await floor.planned('alice')
    // Two units for two hours at 2 are 8, and 7.5 are left.
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'unmet', cost: '1.5' })
    await partners.contract(10, { price: '1.8' })
    await floor.planned('alice')
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'reserved', cost: '8.7' })
  })

  test('whose order is refused undoes its purchases, and does not try that future again', async () => {
    await partners.contract(1)
    const future = await floor.future(2, 2, { positionLimit: '1' })
    await floor.order('house', future, 'sell', 150, 1)
    await floor.order('bob', future, 'sell', 150, 1)
    const id = await floor.asked('alice', fixed())
    await floor.planned('alice')
    const row = await floor.read('alice', id)
    expect(row).toMatchObject({ allocation_state: 'requested', shares: [], start: null, cost: null })
    expect(row['explanation']).toContain('position-limit')
    expect(partners.lots('alice', future)).toBe(0)
    expect(await partners.money('alice')).toEqual([cashAtFirst, 0])
    await floor.planned('alice')
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'unmet' })
    await partners.contract(5, { price: '3' })
    await floor.planned('alice')
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'reserved', cost: '10' })
  })

  test('sends an order once, however often it is asked, and waits for its word', async () => {
    const future = await floor.future(2, 2)
    await floor.order('house', future, 'sell', 150, 8)
    const id = await floor.asked('alice', fixed())
    const planId = String((await floor.optimize('alice')).body['plan_id'])
    await floor.make(planId)
    // The engine takes it, and nobody hears of it yet.
    expect((await floor.book(planId)).is_done).toBe(false)
    expect(partners.lots('alice', future)).toBe(4)
    expect((await floor.book(planId, 1)).is_done).toBe(false)
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'planned' })
    expect((await floor.cancel('alice', id)).body).toMatchObject({ code: 'allocation-being-booked' })
    await partners.project()
    expect((await floor.book(planId, 2)).is_done).toBe(true)
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'reserved', cost: '6' })
    expect(partners.lots('alice', future)).toBe(4)
  })
})
