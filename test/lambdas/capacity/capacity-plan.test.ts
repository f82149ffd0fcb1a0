import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openCapacityFloor } from '#test/support/capacity-floor.ts'
import { cashAtFirst } from '#test/support/partner-floor.ts'

/** Requests, plans and their booking over real tables, the real engine, purchases by their own workflow and a partner over HTTP. */

const floor = await openCapacityFloor()
const { partners } = floor
beforeEach(() => partners.reset())
afterEach(() => partners.end())
afterAll(() => partners.stop())

const usd = 1_000_000
const minuteMillis = 60_000
const hourMillis = 60 * minuteMillis

describe('a plan', () => {
  test('buys what is cheapest within the budget, and reserves it', async () => {
    await partners.contract(10)
    partners.partner.quotes = [partners.quote({ price: '1.5', available_units: 1 })]
    const id = await floor.asked('alice')
    const planId = await floor.planned('alice')
    const row = await floor.read('alice', id)
    expect(row).toMatchObject({ allocation_state: 'reserved', cost: '7', plan_id: planId })
    expect(row['shares']).toMatchObject([
      { source_kind: 'partner', source_id: 'gcp:quote:q1', units: 1, price: '1.5' },
      { source_kind: 'partner', units: 1, price: '2' },
    ])
    expect(await partners.money('alice')).toEqual([cashAtFirst - 7 * usd, 0])
    expect(await partners.inventory('alice')).toMatchObject([
      { unit_hours: { available: 0, reserved: 2 } },
      { unit_hours: { available: 0, reserved: 2 } },
    ])
    expect(await floor.plan('alice', planId)).toMatchObject({
      plan_state: 'done',
      requests: 1,
      served: 1,
      cost: '7',
      certificate: { is_optimal: true, gap: '0.000000' },
      decisions: [{ allocation_id: id, decision: 'served', bound_by: 'nothing', booking: 'booked' }],
    })
    // Somebody else sees the plan, and nothing of what it has decided for alice.
    expect(await floor.plan('bob', planId)).toMatchObject({ requests: 1, decisions: [] })
  })

  test('takes what the account has before it buys, and cancelling gives it back', async () => {
    const contractId = await partners.contract(10)
    await partners.buy('alice', `contract:${contractId}`, 2, { starts_at: partners.hour(2), ends_at: partners.hour(6) })
    await partners.settle()
    const [before] = await partners.money('alice')
    const id = await floor.asked('alice')
    await floor.planned('alice')
    expect(await floor.read('alice', id)).toMatchObject({
      allocation_state: 'reserved',
      cost: '0',
      shares: [{ source_kind: 'inventory', units: 2, price: '0' }],
    })
    expect(await partners.money('alice')).toEqual([before, 0])
    expect(await partners.inventory('alice')).toMatchObject([{ unit_hours: { available: 4, reserved: 4 } }])
    expect((await floor.cancel('alice', id)).body).toMatchObject({ allocation_state: 'cancelled' })
    expect(await partners.inventory('alice')).toMatchObject([{ unit_hours: { available: 8, reserved: 0 } }])
    expect((await floor.cancel('alice', id)).status).toBe(200)
  })

  test('whose money does not reach books nothing of a request, and holds nothing', async () => {
    await partners.contract(10_000)
    partners.partner.quotes = [partners.quote({ price: '1', available_units: 5 })]
    const id = await floor.asked('alice', { units: 9_000, duration_hours: 10, budget: '180000' })
    const other = await floor.asked('bob')
    // All but 1,000 USD go somewhere else.
    await spend('alice', cashAtFirst - 1_000 * usd)
    await floor.planned('alice')
    const row = await floor.read('alice', id)
    expect(row).toMatchObject({ allocation_state: 'requested', shares: [], start: null, cost: null })
    expect(row['explanation']).toMatch(/^Planned, and not booked: the purchase of .* failed/)
    expect(await partners.money('alice')).toEqual([1_000 * usd, 0])
    expect(await partners.inventory('alice')).toEqual([])
    expect(await floor.read('bob', other)).toMatchObject({ allocation_state: 'reserved' })
  })

  test('keeps what is reserved, whoever asks later, and says what kept others out', async () => {
    await partners.contract(2)
    const first = await floor.asked('alice', { priority: 1, window_end: partners.hour(4) })
    await floor.planned('alice')
    const later = await floor.asked('bob', { priority: 5, window_end: partners.hour(4) })
    const planId = await floor.planned('bob')
    expect(await floor.read('alice', first)).toMatchObject({ allocation_state: 'reserved' })
    expect(await floor.read('bob', later)).toMatchObject({
      allocation_state: 'unmet',
      plans_missed: 1,
      plan_id: planId,
    })
    expect((await floor.plan('bob', planId))['decisions']).toMatchObject([{ decision: 'unmet', booking: 'not_booked' }])
  })

  test('is one at a time, the same under its name, and made anew where it broke off', async () => {
    await partners.contract(10)
    const id = await floor.asked('alice')
    const begun = await floor.optimize('alice', 'p')
    expect(begun).toMatchObject({ status: 202, body: { plan_state: 'planning', certificate: null } })
    const planId = String(begun.body['plan_id'])
    expect(begun.headers['location']).toBe(`/api/v1/capacity/plans/${planId}`)
    expect((await floor.optimize('alice', 'p')).body['plan_id']).toBe(planId)
    expect((await floor.optimize('bob', 'p')).body).toMatchObject({ code: 'capacity-plan-under-way', retry: true })
    await floor.make(planId)
    // A repeat decides nothing anew.
    await floor.make(planId)
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'planned', plan_id: planId })
    expect((await floor.cancel('alice', id)).body).toMatchObject({ code: 'allocation-being-booked' })
    await floor.fail(planId)
    expect(await floor.plan('alice', planId)).toMatchObject({ plan_state: 'failed', failure: 'States.Timeout' })
    // The sweep books what the failed plan has left.
    for (let run = 0; run < 5; run++) {
      await floor.sweep()
      await partners.settle()
    }
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'reserved' })
    expect((await floor.optimize('bob', 'p')).status).toBe(202)
  })
})

const spend = async (account: 'alice', micros: number): Promise<void> => {
  const { putCommands } = await import('#adapters/streams/orders.ts')
  await putCommands(1, [
    { type: 'withdraw', commandId: '01900000-0000-7fff-8000-000000000001', accountId: 1, amountMicros: micros },
  ])
  await partners.project()
  expect((await partners.money(account))[0]).toBe(cashAtFirst - micros)
}

describe('the sweep', () => {
  test('begins and ends runs, and delivers their units', async () => {
    await partners.contract(10)
    const id = await floor.asked('alice', { window_end: partners.hour(4) })
    await floor.planned('alice')
    partners.forward(2 * hourMillis)
    await floor.sweep()
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'active' })
    partners.forward(2 * hourMillis)
    await floor.sweep()
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'completed' })
    expect((await floor.cancel('alice', id)).body['code']).toBe('allocation-over')
    const { lotsOfHolder, hoursOfLot } = await import('#adapters/tables/partner-inventory.ts')
    const [lot] = (await lotsOfHolder('alice', { limit: 1 })).rows
    if (lot === undefined) throw new Error('alice has no lot')
    expect(await hoursOfLot(lot, lot)).toMatchObject([{ delivered: 2 }, { delivered: 2 }])
  })

  test('gives back what is left of a run that is cancelled under way', async () => {
    await partners.contract(10)
    const id = await floor.asked('alice', { window_end: partners.hour(4) })
    await floor.planned('alice')
    partners.forward(2 * hourMillis + 5 * minuteMillis)
    await floor.sweep()
    expect((await floor.cancel('alice', id)).body).toMatchObject({ allocation_state: 'cancelled' })
    const { lotsOfHolder, hoursOfLot } = await import('#adapters/tables/partner-inventory.ts')
    const [lot] = (await lotsOfHolder('alice', { limit: 1 })).rows
    if (lot === undefined) throw new Error('alice has no lot')
    expect(await hoursOfLot(lot, lot)).toMatchObject([
      { delivered: 2, available: 0 },
      { delivered: 0, available: 2 },
    ])
  })

  test('ends requests whose last start has passed, and plans what has waited', async () => {
    await partners.contract(10)
    const late = await floor.asked('alice', { window_end: partners.hour(4) })
    partners.forward(6 * minuteMillis)
    await floor.sweep()
    const { getCurrentPlanId } = await import('#adapters/tables/capacity-plans.ts')
    const planId = await getCurrentPlanId()
    expect(planId).toMatch(/^[0-9a-f-]{36}$/)
    await floor.fail(String(planId))
    partners.forward(3 * hourMillis)
    await floor.sweep()
    expect(await floor.read('alice', late)).toMatchObject({ allocation_state: 'unmet' })
    expect((await floor.cancel('alice', late)).body['code']).toBe('allocation-over')
  })
})
