import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openCapacityFloor } from '#test/support/capacity-floor.ts'

const floor = await openCapacityFloor()
const { partners } = floor
beforeEach(() => partners.reset().then(() => partners.contract(10)))
afterEach(() => partners.end())
afterAll(() => partners.stop())

describe('asking for a plan', () => {
  test('begins one, which is told by its id', async () => {
    const answered = await floor.optimize('alice', 'k')
    expect(answered).toMatchObject({ status: 202, body: { plan_state: 'planning', made_at: null, requests: 0 } })
    expect((await floor.optimize('alice', 'k')).body['plan_id']).toBe(answered.body['plan_id'])
    expect((await floor.optimize('alice', 'l')).body['code']).toBe('capacity-plan-under-way')
  })

  test('with Prefer: wait is told once it is made, or still under way when the time is up', async () => {
    const begun = await floor.optimize('alice', 'k', { prefer: 'wait=1' })
    expect(begun).toMatchObject({
      status: 202,
      headers: { 'preference-applied': 'wait=1' },
      body: { plan_state: 'planning' },
    })
    const planId = String(begun.body['plan_id'])
    await floor.make(planId)
    await floor.book(planId)
    expect(await floor.optimize('alice', 'k', { prefer: 'wait=5' })).toMatchObject({
      status: 200,
      body: { plan_id: planId, plan_state: 'done' },
    })
  })

  test('needs a name', async () => {
    const answered = await floor.request('optimize-capacity', { as: { account: 'alice', role: 'trader' } })
    expect(answered.body['code']).toBe('idempotency-key-required')
  })
})
