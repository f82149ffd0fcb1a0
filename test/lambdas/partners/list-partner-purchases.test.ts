import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { openPartnerFloor } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

test('the account’s own, the newest first, page by page', async () => {
  const contractId = await floor.contract(10)
  const ids: unknown[] = []
  for (const key of ['a', 'b', 'c'])
    ids.push((await floor.buy('alice', `contract:${contractId}`, 1, {}, key)).body['purchase_id'])
  await floor.buy('bob', `contract:${contractId}`, 1)
  await floor.settle()
  expect((await floor.purchases('alice')).map(each => each['purchase_id'])).toEqual(ids.toReversed())
  const { body } = await floor.request('list-partner-purchases', { as: { account: 'alice' }, query: { limit: '2' } })
  const rest = await floor.request('list-partner-purchases', {
    as: { account: 'alice' },
    query: { limit: '2', cursor: String(body['next_cursor']) },
  })
  expect(rest.body).toMatchObject({ data: [{ purchase_id: ids[0] }], next_cursor: null })
})
