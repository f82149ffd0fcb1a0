import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { openPartnerFloor } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

test('its own and shared ones are told; another account’s is none', async () => {
  const own = await floor.contract(1, { is_shared: false }, 'alice')
  const shared = await floor.contract(2)
  const get = (account: string, contractId: string) =>
    floor.request('get-partner-contract', { as: { account }, path: { contract_id: contractId } })
  expect((await get('alice', own)).body).toMatchObject({ contract_id: own, offer_id: `contract:${own}` })
  expect((await get('bob', own)).body['code']).toBe('not-found')
  expect((await get('bob', shared)).status).toBe(200)
})
