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

const list = (contract_id: string, query = {}) =>
  send('list-penalties', { as: { account: 'acme', role: 'trader' }, path: { contract_id }, query })

describe('the penalty ledger', () => {
  test('is told entry by entry, the newest first', async () => {
    const { body } = await list(own)
    expect(body['data']).toMatchObject([
      { entry_id: `${own}:2026-11:1:2`, leg: 2, account: 'acme', amount: '100', reverses_version: null },
      { entry_id: `${own}:2026-11:1:1`, leg: 1, account: 'northern', amount: '-100', entry_kind: 'penalty' },
      { month: '2026-10', leg: 2 },
      { month: '2026-10', leg: 1 },
    ])
  })

  test('of another’s contract is as of one that is not there', async () => {
    expect(await list(foreign)).toMatchObject({ status: 404, body: { code: 'not-found' } })
  })

  test('comes in pages, and no cursor leads into another contract', async () => {
    const first = await list(own, { limit: '1' })
    const cursor = String(first.body['next_cursor'])
    const next = await list(own, { limit: '1', cursor })
    expect([next.status, next.body['data']]).not.toEqual([200, first.body['data']])
    seedSlaContract(tables, '0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b23')
    expect((await list('0190a6f2-5d3c-8b1e-9c57-3a1f0e6f9b23', { cursor })).body).toMatchObject({
      code: 'invalid-cursor',
    })
    expect((await list(own, { cursor: 'x' })).status).toBe(400)
  })
})
