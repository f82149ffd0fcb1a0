import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openCapacityFloor } from '#test/support/capacity-floor.ts'

const floor = await openCapacityFloor()
const { partners } = floor
beforeEach(() => partners.reset().then(() => partners.contract(10)))
afterEach(() => partners.end())
afterAll(() => partners.stop())

const absent = '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b21'

describe('cancelling a request', () => {
  test('takes it from what is planned; again it is the same', async () => {
    const id = await floor.asked('alice')
    expect((await floor.cancel('alice', id)).body).toMatchObject({ allocation_state: 'cancelled' })
    expect((await floor.cancel('alice', id)).status).toBe(200)
    const planId = await floor.planned('alice')
    expect(await floor.plan('alice', planId)).toMatchObject({ requests: 0, served: 0, decisions: [] })
  })

  test('gives back what was bought for it, which serves the next one', async () => {
    const id = await floor.asked('alice', { window_end: partners.hour(4) })
    await floor.planned('alice')
    const paid = await partners.money('alice')
    expect((await floor.cancel('alice', id)).body).toMatchObject({ allocation_state: 'cancelled', cost: '8' })
    expect(await partners.inventory('alice')).toMatchObject([{ unit_hours: { available: 4, reserved: 0 } }])
    const next = await floor.asked('alice', { window_end: partners.hour(4) })
    await floor.planned('alice')
    expect(await floor.read('alice', next)).toMatchObject({ allocation_state: 'reserved', cost: '0' })
    expect(await partners.money('alice')).toEqual(paid)
  })

  test('is for its account alone', async () => {
    const id = await floor.asked('alice')
    expect((await floor.cancel('bob', id)).body['code']).toBe('not-found')
    expect((await floor.cancel('alice', absent)).body['code']).toBe('not-found')
  })
})
