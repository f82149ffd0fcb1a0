import { beforeEach, describe, expect, test } from '@jest/globals'
import { slaOperations } from '#protocol/operations/sla.ts'
import { requests } from '#test/support/http-requests.ts'
import { mockTables } from '#test/support/mocked-tables.ts'
import { seedSlaContract, seedSlaMonth } from '#test/support/sla-desk.ts'

const tables = mockTables()
const { handler } = await import('#lambdas/sla/http.ts')
const send = requests(handler, slaOperations)

const [own, foreign] = ['0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b21', '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b22']
const startMillis = Date.parse('2026-10-15T00:00:00Z')
beforeEach(() => {
  tables.reset()
  seedSlaContract(tables, own, { startMillis })
  seedSlaContract(tables, foreign, { startMillis, buyer: 'other' })
  for (const id of [own, foreign]) for (const month of ['2026-10', '2026-11']) seedSlaMonth(tables, id, month)
})

const get = (contract_id: string, account = 'acme', role: 'trader' | 'auditor' = 'trader') =>
  send('get-sla-contract', { as: { account, role }, path: { contract_id } })

describe('a contract', () => {
  test('is read by its provider, its buyer, and whoever watches over all', async () => {
    const { status, body } = await get(own)
    expect([status, body]).toMatchObject([
      200,
      { contract_id: own, buyer_account: 'acme', fee: '1000', tiers: [{ below_uptime: '0.9999', credit: '0.1' }] },
    ])
    expect((await get(own, 'northern')).body).toEqual(body)
    expect((await get(own, 'audrey', 'auditor')).body).toEqual(body)
  })

  test('of others is as one that is not there', async () => {
    expect(await get(foreign)).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect((await get('0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b29')).status).toBe(404)
    expect((await get('x')).status).toBe(400)
  })
})
