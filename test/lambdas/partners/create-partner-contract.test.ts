import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { openPartnerFloor } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

const ask = (body: object, key = 'k', role: 'trader' | 'market_operator' = 'trader') =>
  floor.request('create-partner-contract', {
    as: { account: 'alice', role },
    headers: { 'idempotency-key': key },
    body,
  })
const own = () => ({ ...floor.contractTerms(10), is_shared: false })

test('registers it with its lot, once for each name', async () => {
  const made = await ask(own())
  expect(made.body).toMatchObject({ account: 'alice', units: 10, price: '2', minimum_units: 1, is_shared: false })
  expect(made.headers['location']).toBe(`/api/v1/partners/contracts/${made.body['contract_id']}`)
  expect((await ask(own())).body).toEqual(made.body)
  expect((await ask({ ...own(), units: 11 })).body['code']).toBe('idempotency-conflict')
  expect(await floor.inventory('alice')).toMatchObject([
    { kind: 'contract', units: 10, unit_hours: { available: 240 } },
  ])
})

test('a shared one is an operator’s to make', async () => {
  expect((await ask(floor.contractTerms(10))).status).toBe(403)
  expect((await ask(floor.contractTerms(10), 'k', 'market_operator')).status).toBe(201)
})

test('what contradicts itself is refused, and nothing is stored', async () => {
  for (const [more, code] of [
    [{ starts_at: floor.hour(5), ends_at: floor.hour(1) }, 'capacity-window-invalid'],
    [{ starts_at: floor.hour(-9), ends_at: floor.hour(-1) }, 'capacity-window-invalid'],
    [{ starts_at: floor.hour(-9), ends_at: floor.hour(0) }, 'capacity-window-invalid'],
    [{ ends_at: floor.hour(24 * 365 * 4) }, 'capacity-window-invalid'],
    [{ starts_at: '0000-01-01T00:00:00Z' }, 'capacity-window-invalid'],
    [{ starts_at: floor.hour(-24 * 365 * 4) }, 'capacity-window-invalid'],
    [{ minimum_units: 11 }, 'contract-terms-invalid'],
    [{ price: '0' }, 'contract-terms-invalid'],
    [{ vector: { gpus: '0', vcpus: '0', memory_gib: '0', storage_tib: '0' } }, 'contract-terms-invalid'],
    [{ tiers: [{ from_units: 5, price: '2' }] }, 'contract-terms-invalid'],
    [{ tiers: [{ from_units: 5, price: '0' }] }, 'contract-terms-invalid'],
    [
      {
        tiers: [
          { from_units: 5, price: '1.5' },
          { from_units: 5, price: '1' },
        ],
      },
      'contract-terms-invalid',
    ],
    [{ accept_until: floor.hour(241) }, 'contract-terms-invalid'],
    [{ accept_until: new Date(floor.now() - 1).toISOString() }, 'contract-terms-invalid'],
    [{ price: '-1' }, 'invalid-request'],
    [{ price: 'NaN' }, 'invalid-request'],
    [{ units: 0 }, 'invalid-request'],
  ] as const)
    expect((await ask({ ...own(), ...more })).body['code']).toBe(code)
  expect(await floor.tables.items('partnerContracts')).toEqual([])
  expect(await floor.tables.items('partnerInventory')).toEqual([])
})

test('a term that began long ago, and a tier that costs nothing, are named by their fields', async () => {
  const past = await ask({ ...own(), starts_at: '0000-01-01T00:00:00Z' })
  expect(past.body['errors']).toMatchObject([{ pointer: '#/starts_at' }])
  const free = await ask({
    ...own(),
    tiers: [
      { from_units: 5, price: '1' },
      { from_units: 6, price: '0' },
    ],
  })
  expect(free.body['errors']).toEqual([{ pointer: '#/tiers/1/price', detail: 'must be more than nothing' }])
  expect((await ask({ ...own(), starts_at: floor.hour(-24 * 365) })).status).toBe(201)
})
