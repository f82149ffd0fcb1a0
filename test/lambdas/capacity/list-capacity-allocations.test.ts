import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openCapacityFloor } from '#test/support/capacity-floor.ts'

const floor = await openCapacityFloor()
const { partners } = floor
beforeEach(() => partners.reset().then(() => partners.contract(10)))
afterEach(() => partners.end())
afterAll(() => partners.stop())

const list = async (query: Record<string, string> = {}, account: 'alice' | 'bob' = 'alice') =>
  (await floor.request('list-capacity-allocations', { as: { account, role: 'trader' }, query })).body

describe('requests of an account', () => {
  test('come newest first, page by page, by state and by service', async () => {
    const ids: string[] = []
    for (const service of ['mlops', 'simulation', 'mlops']) {
      ids.unshift(await floor.asked('alice', { service }))
      partners.forward(1_000)
    }
    await floor.asked('bob')
    expect((await list())['data']).toMatchObject(ids.map(allocation_id => ({ allocation_id })))
    const first = await list({ limit: '2' })
    expect(first['data']).toMatchObject(ids.slice(0, 2).map(allocation_id => ({ allocation_id })))
    const rest = await list({ limit: '2', cursor: String(first['next_cursor']) })
    expect(rest).toMatchObject({ data: [{ allocation_id: ids[2] }], next_cursor: null })
    expect((await list({ service: 'simulation' }))['data']).toMatchObject([{ allocation_id: ids[1] }])
    await floor.cancel('alice', ids[0] ?? '')
    expect((await list({ allocation_state: 'cancelled' }))['data']).toMatchObject([{ allocation_id: ids[0] }])
    expect(await list({ cursor: String(first['next_cursor']) }, 'bob')).toMatchObject({ code: 'invalid-cursor' })
  })
})
