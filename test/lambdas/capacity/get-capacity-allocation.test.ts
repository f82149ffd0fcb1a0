import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openCapacityFloor } from '#test/support/capacity-floor.ts'

const floor = await openCapacityFloor()
const { partners } = floor
beforeEach(() => partners.reset().then(() => partners.contract(10)))
afterEach(() => partners.end())
afterAll(() => partners.stop())

const absent = '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b21'

describe('reading a request', () => {
  test('is for its account alone', async () => {
    const id = await floor.asked('alice')
    expect(await floor.read('alice', id)).toMatchObject({ allocation_id: id, allocation_state: 'requested' })
    expect(await floor.read('bob', id)).toMatchObject({ code: 'not-found' })
    expect(await floor.read('alice', absent)).toMatchObject({ code: 'not-found' })
  })
})
