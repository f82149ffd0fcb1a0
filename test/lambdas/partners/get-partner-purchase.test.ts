import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { openPartnerFloor } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

test('is told to the account that made it, and to nobody else', async () => {
  const contractId = await floor.contract(10)
  const { body } = await floor.buy('alice', `contract:${contractId}`, 2)
  await floor.settle()
  const get = (account: string) =>
    floor.request('get-partner-purchase', { as: { account }, path: { purchase_id: String(body['purchase_id']) } })
  expect((await get('alice')).body).toMatchObject({
    purchase_state: 'completed',
    cost: '16',
    parts: [{ offer_id: `contract:${contractId}` }],
  })
  expect((await get('bob')).body['code']).toBe('not-found')
})
