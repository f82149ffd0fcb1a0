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

const list = (account: string, role: 'trader' | 'auditor' = 'trader', query = {}) =>
  send('list-sla-contracts', { as: { account, role }, query })
const idsOf = (body: Readonly<Record<string, unknown>>) =>
  Array.isArray(body['data']) ? body['data'].map(({ contract_id }) => contract_id) : []

describe('the list', () => {
  test('is of the contracts in which the account is provider or buyer; of all, for whoever watches', async () => {
    expect(idsOf((await list('acme')).body)).toEqual([own])
    expect(idsOf((await list('northern')).body)).toEqual([own, foreign])
    expect(idsOf((await list('nobody')).body)).toEqual([])
    expect(idsOf((await list('audrey', 'auditor')).body)).toEqual([own, foreign])
  })

  test('comes in pages, whose cursors are the account’s own', async () => {
    const first = await list('northern', 'trader', { limit: '1' })
    const cursor = String(first.body['next_cursor'])
    expect(idsOf((await list('northern', 'trader', { limit: '1', cursor })).body)).toEqual([foreign])
    expect((await list('acme', 'trader', { cursor })).body).toMatchObject({ code: 'invalid-cursor' })
  })
})
