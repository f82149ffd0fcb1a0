import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { openPartnerFloor } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

const ask = (body: object, role: 'trader' | 'market_operator' = 'market_operator') =>
  floor.request('begin-catalogue-import', { as: { account: 'house', role }, headers: { 'idempotency-key': 'k' }, body })
const begun = { provider: 'gcp', file_name: 'prices.csv', products: 2, rows: 10, screened: 1 }

test('is an operator’s, once for each name', async () => {
  const made = await ask(begun)
  expect(made.body).toMatchObject({
    catalogue_state: 'open',
    is_in_force: false,
    received: { products: 0, rows: 0, screened: 0 },
  })
  expect((await ask(begun)).body['import_id']).toBe(made.body['import_id'])
  expect((await ask({ ...begun, rows: 11 })).body['code']).toBe('idempotency-conflict')
  expect((await ask(begun, 'trader')).status).toBe(403)
  expect((await ask({ ...begun, provider: 'nobody' })).body['code']).toBe('invalid-request')
})
