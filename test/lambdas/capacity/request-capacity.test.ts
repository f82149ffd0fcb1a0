import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openCapacityFloor } from '#test/support/capacity-floor.ts'

const floor = await openCapacityFloor()
const { partners } = floor
const { hour } = partners
beforeEach(() => partners.reset().then(() => partners.contract(10)))
afterEach(() => partners.end())
afterAll(() => partners.stop())

/** Nothing of what is refused is stored. */
const refused = async (more: object, code: string, pointer: string) => {
  const answered = await floor.ask('alice', more)
  expect([more, answered.body['code'], answered.body['errors']]).toEqual([
    more,
    code,
    [expect.objectContaining({ pointer })],
  ])
  const { body } = await floor.request('list-capacity-allocations', { as: { account: 'alice', role: 'trader' } })
  expect(body['data']).toEqual([])
}

describe('a request for capacity', () => {
  test('is stored, told back, and the same under its name', async () => {
    const answered = await floor.ask('alice', { latest_start: hour(8) }, 'training')
    expect(answered.status).toBe(202)
    expect(answered.body).toMatchObject({
      allocation_state: 'requested',
      service: 'mlops',
      resource_class: 'H100',
      resources: { gpus: 1, vcpus: 0, memory_gib: 0, storage_tib: 0 },
      units: 2,
      earliest_start: hour(2),
      latest_start: hour(8),
      window_end: hour(12),
      budget: '100',
      shares: [],
      plan_id: null,
      explanation: null,
    })
    const id = String(answered.body['allocation_id'])
    expect(answered.headers['location']).toBe(`/api/v1/capacity/allocation/${id}`)
    expect((await floor.ask('alice', { latest_start: hour(8) }, 'training')).body['allocation_id']).toBe(id)
    expect((await floor.ask('alice', { units: 3 }, 'training')).body['code']).toBe('idempotency-conflict')
    expect((await floor.ask('bob', {}, 'training')).body['allocation_id']).not.toBe(id)
  })

  test('may name resources in place of a class', async () => {
    const { body } = await floor.ask('alice', { resource_class: undefined, resources: { vcpus: 4, memory_gib: 32 } })
    expect(body).toMatchObject({
      resource_class: null,
      resources: { gpus: 0, vcpus: 4, memory_gib: 32, storage_tib: 0 },
    })
  })

  test('is refused where its window cannot hold it', async () => {
    const code = 'capacity-window-invalid'
    await refused({ window_end: hour(1) }, code, '#/window_end')
    await refused({ window_end: hour(2) }, code, '#/window_end')
    await refused({ earliest_start: hour(-1) }, code, '#/earliest_start')
    await refused({ earliest_start: hour(2).replace(':00:00', ':30:00') }, code, '#/earliest_start')
    await refused({ latest_start: hour(1) }, code, '#/latest_start')
    await refused({ latest_start: hour(11) }, code, '#/latest_start')
    await refused({ duration_hours: 11 }, code, '#/window_end')
    await refused({ flexibility: 'none', latest_start: hour(3) }, code, '#/latest_start')
    await refused({ window_end: hour(1_500) }, code, '#/window_end')
  })

  test('is refused where there is no such resource', async () => {
    await refused({ resource_class: 'B900' }, 'unknown-resource', '#/resource_class')
    await refused({ regions: ['USE', 'NOWHERE'] }, 'unknown-resource', '#/regions/1')
    await refused({ resources: { gpus: 16 } }, 'unknown-resource', '#/resources')
    await refused({ resource_class: undefined, resources: { gpus: 16 } }, 'unknown-resource', '#/resources')
    await refused({ resource_class: undefined }, 'invalid-request', '#/resources')
    await refused({ resources: { gpus: 0 } }, 'invalid-request', '#/resources')
  })

  test('is refused with a budget, units or a priority that are none', async () => {
    await refused({ budget: '-1' }, 'invalid-request', '#/budget')
    await refused({ budget: '0.0000001' }, 'invalid-request', '#/budget')
    await refused({ units: 0 }, 'invalid-request', '#/units')
    await refused({ units: 1.5 }, 'invalid-request', '#/units')
    await refused({ priority: 6 }, 'invalid-request', '#/priority')
    await refused({ regions: [] }, 'invalid-request', '#/regions')
    await refused({ duration_hours: 0 }, 'invalid-request', '#/duration_hours')
  })

  test('waits for its account to be open', async () => {
    const answered = await floor.request('request-capacity', {
      as: { account: 'nobody', role: 'trader' },
      headers: { 'idempotency-key': 'k' },
      body: floor.body(),
    })
    expect(answered.body['code']).toBe('account-not-open')
  })
})
