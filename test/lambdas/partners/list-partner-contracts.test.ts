import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { openPartnerFloor } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

test('the account’s own, the newest first, page by page; shared ones to everybody; nobody else’s', async () => {
  const own = [
    await floor.contract(1, { is_shared: false }, 'alice'),
    await floor.contract(2, { is_shared: false }, 'alice'),
  ]
  await floor.contract(3, { is_shared: false }, 'bob')
  const shared = await floor.contract(4)
  const ids = async (query: Record<string, string>) => {
    const { body } = await floor.request('list-partner-contracts', { as: { account: 'alice' }, query })
    return [(body['data'] as { contract_id: string }[]).map(each => each.contract_id), body['next_cursor']] as const
  }
  expect(await ids({})).toEqual([own.toReversed(), null])
  const [first, cursor] = await ids({ limit: '1' })
  expect(first).toEqual([own[1]])
  expect(await ids({ limit: '1', cursor: String(cursor) })).toEqual([[own[0]], null])
  expect(await ids({ holder: 'shared' })).toEqual([[shared], null])
})
