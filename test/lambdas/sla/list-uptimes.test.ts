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
  send('list-uptimes', { as: { account: 'acme', role: 'trader' }, path: { contract_id }, query })

describe('uptime', () => {
  test('is told by month, the newest first, degraded and unknown time not as up', async () => {
    tables.seed('slaMonths', {
      contract_id: own,
      month: 'closing',
      closing_millis: Date.parse('2026-11-02T00:00:00Z'),
      closed_millis: Date.parse('2026-11-01T00:00:00Z'),
    })
    expect((await list(own)).body['data']).toEqual([
      {
        month: '2026-11',
        from: '2026-11-01T00:00:00.000Z',
        to: '2026-11-14T00:00:00.000Z',
        up_s: 900,
        degraded_s: 60,
        down_s: 180,
        unknown_s: 60,
        windows: 10,
        uptime_percent: '75',
        is_over: false,
        assessed_version: 1,
      },
      expect.objectContaining({ month: '2026-10', from: '2026-10-15T00:00:00.000Z', is_over: true }),
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
