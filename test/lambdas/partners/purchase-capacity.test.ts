import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { openPartnerFloor } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

test('is 202 with its place; with Prefer: wait it is what became of it', async () => {
  const contractId = await floor.contract(10)
  const asked = await floor.buy('alice', `contract:${contractId}`, 3)
  expect(asked.status).toBe(202)
  expect(asked.headers['location']).toBe(`/api/v1/partners/purchases/${asked.body['purchase_id']}`)
  const settling = floor.settle()
  const waited = await floor.request('purchase-capacity', {
    as: { account: 'alice', role: 'trader' },
    headers: { 'idempotency-key': 'k', prefer: 'wait=10' },
    body: { parts: [floor.part(`contract:${contractId}`, 3)] },
  })
  await settling
  expect(waited.body).toMatchObject({ purchase_id: asked.body['purchase_id'], purchase_state: 'completed' })
  expect(waited.body['parts']).toMatchObject([{ lot_id: expect.any(String) }])
})

test('whoever may not buy is refused', async () => {
  const contractId = await floor.contract(10)
  const refused = await floor.request('purchase-capacity', {
    as: { account: 'alice', role: 'auditor' },
    headers: { 'idempotency-key': 'k' },
    body: { parts: [floor.part(`contract:${contractId}`, 3)] },
  })
  expect(refused.status).toBe(403)
})
