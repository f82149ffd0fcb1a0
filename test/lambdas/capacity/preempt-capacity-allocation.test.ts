import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openCapacityFloor } from '#test/support/capacity-floor.ts'

const floor = await openCapacityFloor()
const { partners } = floor
beforeEach(() => partners.reset().then(() => partners.contract(10)))
afterEach(() => partners.end())
afterAll(() => partners.stop())

const absent = '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b21'
const preempt = (allocationId: string, role: 'market_operator' | 'trader' = 'market_operator') =>
  floor.request('preempt-capacity-allocation', {
    as: { account: 'house', role },
    path: { allocation_id: allocationId },
    body: { reason: 'spot was reclaimed' },
  })

describe('taking back what may be taken back', () => {
  test('ends it, and its units are not to be had again', async () => {
    const id = await floor.asked('alice', { preemptible: true })
    expect((await preempt(id)).body['code']).toBe('allocation-over')
    await floor.planned('alice')
    expect((await preempt(id)).body).toMatchObject({
      allocation_state: 'preempted',
      explanation: 'Preempted: spot was reclaimed',
    })
    expect((await preempt(id)).status).toBe(200)
    expect((await floor.cancel('alice', id)).body['code']).toBe('allocation-over')
    expect(await partners.inventory('alice')).toMatchObject([{ unit_hours: { available: 0, reserved: 0, expired: 4 } }])
  })

  test('under way leaves what is over delivered', async () => {
    const id = await floor.asked('alice', { preemptible: true, window_end: partners.hour(4) })
    await floor.planned('alice')
    partners.forward(2 * 3_600_000 + 60_000)
    await floor.sweep()
    expect((await preempt(id)).body).toMatchObject({ allocation_state: 'preempted' })
    // Half of it had begun.
    expect(await partners.inventory('alice')).toMatchObject([{ unit_hours: { reserved: 0, delivered: 2, expired: 2 } }])
  })

  test('is nobody’s but the operator’s, and not of what was promised for good', async () => {
    const id = await floor.asked('alice')
    await floor.planned('alice')
    expect((await preempt(id)).body['code']).toBe('allocation-not-preemptible')
    expect((await preempt(id, 'trader')).body['code']).toBe('forbidden')
    expect((await preempt(absent)).body['code']).toBe('not-found')
    expect(await floor.read('alice', id)).toMatchObject({ allocation_state: 'reserved' })
  })
})
