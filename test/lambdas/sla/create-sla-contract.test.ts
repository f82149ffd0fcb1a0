import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { slaOperations } from '#protocol/operations/sla.ts'
import { requests } from '#test/support/http-requests.ts'
import { mockTables } from '#test/support/mocked-tables.ts'

const tables = mockTables()
const { handler } = await import('#lambdas/sla/http.ts')
const send = requests(handler, slaOperations)

const nowMillis = Date.parse('2026-11-22T10:00:00.000Z')

const account = (name: string, state = 'open') => ({
  account: name,
  account_state: state,
  account_id: 1,
  lane: 1,
  command_id: 'x',
  attempt: 1,
  created_at_millis: 1,
})
beforeEach(() => {
  tables.reset()
  tables.seed('accounts', account('northern'), account('acme'), account('late', 'opening'))
  jest.spyOn(Date, 'now').mockImplementation(() => nowMillis)
})
afterEach(() => {
  jest.restoreAllMocks()
})

const contract = {
  series: 'UP-TRAIN.USE',
  quantity: 8,
  fee: '12000.50',
  provider_account: 'northern',
  buyer_account: 'acme',
  period_start: '2026-12-01T00:00:00Z',
  period_end: '2027-12-01T00:00:00Z',
}
const create = (change: object = {}, key = 'k') =>
  send('create-sla-contract', {
    as: { account: 'operator', role: 'market_operator' },
    headers: { 'idempotency-key': key },
    body: { ...contract, ...change },
  })

describe('a contract', () => {
  test('is stored with the default tiers, and told under its name again', async () => {
    const first = await create()
    expect([first.status, first.body]).toMatchObject([
      201,
      {
        ...contract,
        fee: '12000.5',
        tiers: [
          { below_uptime: '0.9999', credit: '0.1' },
          { below_uptime: '0.99', credit: '0.3' },
          { below_uptime: '0.95', credit: '1' },
        ],
        degraded_weight: '0',
        period_start: '2026-12-01T00:00:00.000Z',
        period_end: '2027-12-01T00:00:00.000Z',
        created_by: 'operator',
      },
    ])
    expect(first.headers['location']).toBe(`/api/v1/sla/contracts/${String(first.body['contract_id'])}`)
    expect((await create()).body).toEqual(first.body)
    expect(await create({ quantity: 9 })).toMatchObject({ status: 409, body: { code: 'idempotency-conflict' } })
    expect((await create({}, 'other')).body['contract_id']).not.toBe(first.body['contract_id'])
    // Among all, of the series, of the provider and of the buyer.
    expect(tables.items('slaContracts')).toHaveLength(8)
  })

  test.each([
    ['quantity', { quantity: 0 }],
    ['quantity', { quantity: 1.5 }],
    ['fee', { fee: '0' }],
    ['fee', { fee: '0.0000001' }],
    ['tiers', { tiers: [] }],
    ['tiers/0/credit', { tiers: [{ below_uptime: '0.9', credit: '1.1' }] }],
    [
      'tiers/1',
      {
        tiers: [
          { below_uptime: '0.9', credit: '0.1' },
          { below_uptime: '0.95', credit: '0.2' },
        ],
      },
    ],
    ['degraded_weight', { degraded_weight: '2' }],
    ['period_start', { period_start: '2026-12-01T00:00:30Z' }],
    ['period_start', { period_start: '2026-10-01T00:00:00Z' }],
    ['period_end', { period_end: '2026-12-01T00:00:00Z' }],
    ['period_end', { period_end: '2036-12-01T00:00:00Z' }],
    ['buyer_account', { buyer_account: 'northern' }],
  ])('with a wrong %s is refused by that name, and not stored: %j', async (field, wrong) => {
    expect(await create(wrong)).toMatchObject({
      status: 400,
      body: { code: 'invalid-request', errors: [{ pointer: `#/${field}` }] },
    })
    expect(tables.items('slaContracts')).toEqual([])
  })

  test('of an account that is not open is refused', async () => {
    expect(await create({ buyer_account: 'late', provider_account: 'nobody' })).toMatchObject({
      status: 422,
      body: { code: 'unknown-account', errors: [{ pointer: '#/provider_account' }, { pointer: '#/buyer_account' }] },
    })
  })

  test('is not for traders to make', async () => {
    expect((await send('create-sla-contract', { headers: { 'idempotency-key': 'k' }, body: contract })).status).toBe(
      403,
    )
  })
})
