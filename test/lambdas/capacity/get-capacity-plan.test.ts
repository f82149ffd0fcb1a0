import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openCapacityFloor } from '#test/support/capacity-floor.ts'

const floor = await openCapacityFloor()
const { partners } = floor
beforeEach(() => partners.reset().then(() => partners.contract(10)))
afterEach(() => partners.end())
afterAll(() => partners.stop())

const absent = '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b21'

describe('reading a plan', () => {
  test('shows its certificate to everybody, and its decisions to whom they are about', async () => {
    const served = await floor.asked('alice')
    const poor = await floor.asked('alice', { budget: '7.9' })
    const planId = await floor.planned('bob')
    const own = await floor.plan('alice', planId)
    expect(own).toMatchObject({ plan_state: 'done', requests: 2, served: 1, unmet: 1, cost: '8' })
    expect(own['certificate']).toMatchObject({ is_optimal: true, gap: '0.000000', gap_of_cost: 0 })
    expect(own['decisions']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ allocation_id: served, decision: 'served', bound_by: 'nothing', booking: 'booked' }),
        expect.objectContaining({
          allocation_id: poor,
          decision: 'unmet',
          bound_by: 'budget',
          explanation: 'Not served: the least it could cost is 8 USD, and its budget 7.9 USD.',
        }),
      ]),
    )
    expect(await floor.plan('bob', planId)).toMatchObject({ served: 1, decisions: [] })
    expect(await floor.plan('alice', absent)).toMatchObject({ code: 'not-found' })
  })
})
