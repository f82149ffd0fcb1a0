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

  test('needs a name', async () => {
    const answered = await floor.request('optimize-capacity', { as: { account: 'alice', role: 'trader' } })
    expect(answered.body['code']).toBe('idempotency-key-required')
  })
})
