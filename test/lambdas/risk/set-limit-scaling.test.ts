import { beforeEach, expect, test } from '@jest/globals'
import { putParameter } from '#adapters/tables/parameters.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openQuotingFloor } from '#test/support/market-maker.ts'

const floor = openQuotingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const as = { account: 'watch', role: 'risk_manager' } as const

beforeEach(async () => {
  floor.reset()
  const index = { kind: 'index', name: 'H100.USE', effectiveMillis: 1, version: 1, value: {} } as const
  await putParameter({ ...index, setBy: 'ines', setAtMillis: 1 })
})

const set = (body: object) => send('set-limit-scaling', { as, body })
const get = (query: Readonly<Record<string, string>> = {}) => send('get-limit-scaling', { as, query })

test('what is not named stays, and an underlying may have its own rule', async () => {
  expect((await get()).body).toMatchObject({ version: 0, underlying: null, floor_ppm: 200_000, ceiling_ppm: 1_000_000 })
  expect((await set({ floor_ppm: 100_000 })).body).toMatchObject({ version: 1, set_by: 'watch', floor_ppm: 100_000 })
  expect((await set({ underlying: 'H100.USE', reference_depth: '50' })).body).toMatchObject({
    underlying: 'H100.USE',
    version: 1,
    floor_ppm: 100_000,
    reference_depth: '50',
  })
  expect((await get({ underlying: 'A100.USE' })).body).toMatchObject({ underlying: null, reference_depth: '0' })
  expect((await get({ underlying: 'H100.USE' })).body).toMatchObject({ reference_depth: '50' })
})

test('a floor above the ceiling is refused', async () => {
  expect((await set({ floor_ppm: 900_000, ceiling_ppm: 800_000 })).body['code']).toBe('scale-out-of-range')
  expect((await set({ ceiling_ppm: 1_000_001 })).body['code']).toBe('invalid-request')
})

test.each([
  { floor_ppm: 200_001 },
  { reference_volatility_ppm: 800_001 },
  { depth_ppm: 50_001 },
  { window_minutes: 59 },
  { step_ppm: 50_001 },
])('%j may leave limits larger, and waits for another person', async change => {
  const { status, body } = await set({ underlying: 'H100.USE', ...change })
  expect(status).toBe(201)
  expect((await get({ underlying: 'H100.USE' })).body).toMatchObject({ version: 0 })
  const path = { request_id: String(body['request_id']) }
  expect(await send('approve-parameter-change', { as, path })).toMatchObject({
    body: { code: 'second-person-required' },
  })
  const other = { account: 'vera', role: 'risk_manager', credential: 'of vera' } as const
  expect(await send('approve-parameter-change', { as: other, path })).toMatchObject({ status: 200 })
  expect((await get({ underlying: 'H100.USE' })).body).toMatchObject({ version: 1, ...change })
  const listed = await send('list-parameter-requests', { as, query: { parameters: 'limit-scaling' } })
  expect(listed.body['requests']).toMatchObject([{ request_state: 'approved', approved_by: 'vera' }])
})

test('depth that counts no longer, or less, and a higher ceiling wait too; an unknown underlying is refused', async () => {
  await set({ reference_depth: '50', ceiling_ppm: 900_000 })
  for (const change of [{ reference_depth: '49' }, { reference_depth: '0' }, { ceiling_ppm: 1_000_000 }])
    expect(await set(change)).toMatchObject({ status: 201, body: { underlying: null } })
  expect(await set({ reference_depth: '51' })).toMatchObject({ status: 200 })
  expect(await set({ underlying: 'A100.UES', floor_ppm: 100_000 })).toMatchObject({
    status: 422,
    body: { code: 'unknown-underlying' },
  })
})
