import { beforeEach, expect, test } from '@jest/globals'
import { append, genesis } from '#domain/compliance/audit-chain.ts'
import { securityOperations } from '#protocol/operations/security.ts'
import { type Given, requests } from '#test/support/http-requests.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

const tables = mockTables()
const { handler } = await import('#lambdas/security/http.ts')
const send = requests(handler, securityOperations)
const date = '2026-07-21'

beforeEach(() => {
  tables.reset()
  let end = genesis
  for (const line of [1, 2, 3]) {
    const entry = {
      id: `t:${line}`,
      teller: 't',
      line,
      time: '2026-07-21T09:05:07.150Z',
      account: 'acme',
      role: 'trader',
      credential: 'acme',
      address: '127.0.0.1',
      request_id: 'r',
      operation: 'place-order',
      method: 'POST',
      path: '/api/v1/orders',
      body_sha256: null,
      status: 202,
      code: null,
    }
    const chained = append(end, date, entry)
    end = chained.end
    tables.seed('audit', { record_id: entry.id, date, number: end.number, text: chained.text })
  }
})

const list = async (query: Given['query'], role: 'auditor' | 'compliance_officer' | 'trader' | 'admin' = 'auditor') => {
  const { status, body } = await send('list-audit-records', { query: { date, ...query }, as: { role } })
  const data = Array.isArray(body['data']) ? body['data'] : []
  return { status, code: body['code'], numbers: data.map(({ number }) => number), data, next: body['next_cursor'] }
}

test('a day’s records in the order of the chain, with their hashes', async () => {
  const { status, numbers, data, next } = await list({})
  expect([status, numbers, next]).toEqual([200, [1, 2, 3], null])
  expect(data[1]).toMatchObject({ date, previous: data[0].hash, account: 'acme' })
  expect((await list({ date: '2026-07-22' })).numbers).toEqual([])
})

test('page by page, each once', async () => {
  const first = await list({ limit: '2' })
  const second = await list({ limit: '2', cursor: String(first.next) })
  expect([first.numbers, second.numbers, second.next]).toEqual([[1, 2], [3], null])
  expect(await list({ date: '2026-07-22', cursor: String(first.next) })).toMatchObject({ code: 'invalid-cursor' })
  expect(await list({ cursor: 'x' })).toMatchObject({ status: 400, code: 'invalid-cursor' })
})

test('for auditors and compliance officers only', async () => {
  expect((await list({}, 'compliance_officer')).status).toBe(200)
  for (const role of ['trader', 'admin'] as const) expect(await list({}, role)).toMatchObject({ status: 403 })
})

test.each(['2026-02-30', 'yesterday', '2026-7-1', ''])('no day %j', async day => {
  expect(await list({ date: day })).toMatchObject({ status: 400, code: 'invalid-request' })
})
