import { beforeEach, expect, test } from '@jest/globals'
import { putParameter } from '#adapters/tables/parameters.ts'
import { riskOperations } from '#protocol/operations/risk.ts'
import { requests } from '#test/support/http-requests.ts'
import { openPricingFloor } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/risk/http.ts')
const send = requests(handler, riskOperations)
const set = (body: object) =>
  send('set-risk-parameters', { as: { account: 'rita', role: 'risk_manager', credential: 'of rita' }, body })

beforeEach(async () => {
  floor.reset()
  const index = { kind: 'index', name: 'H100.USE', effectiveMillis: 1, version: 1, value: {} } as const
  await putParameter({ ...index, setBy: 'ines', setAtMillis: 1 })
})

test('what is not named stays; versions are added, each from its instant on', async () => {
  expect(await set({ underlying: 'H100.USE', price_scan_ppm: 250_000 })).toMatchObject({
    status: 200,
    body: { underlying: 'H100.USE', version: 1, set_by: 'rita', price_scan_ppm: 250_000, haircut_ppm: 300_000 },
  })
  const later = '2046-01-01T00:00:00.000Z'
  const changed = { underlying: 'H100.USE', effective_from: later, volatility_scan: '20' }
  expect((await set(changed)).body).toMatchObject({
    version: 2,
    effective_from: later,
    price_scan_ppm: 250_000,
    volatility_scan: '20',
  })
  const at = (instant: string) => send('get-risk-parameters', { query: { underlying: 'H100.USE', at: instant } })
  expect((await at('2045-01-01T00:00:00Z')).body).toMatchObject({ version: 1, volatility_scan: '15' })
  expect((await at(later)).body).toMatchObject({ version: 2, volatility_scan: '20' })
})

test('what epochs are made by is that of all, whatever an underlying was set with', async () => {
  await set({ underlying: 'H100.USE', price_scan_ppm: 250_000 })
  expect((await set({ move_ppm: 50_000 })).body).toMatchObject({ underlying: null, move_ppm: 50_000 })
  const at = new Date(Date.now() + 1_000).toISOString()
  expect((await send('get-risk-parameters', { query: { underlying: 'H100.USE', at } })).body).toMatchObject({
    underlying: 'H100.USE',
    price_scan_ppm: 250_000,
    move_ppm: 50_000,
  })
})

test('a trader may not', async () => {
  expect(await send('set-risk-parameters', { body: { price_scan_ppm: 1_000 } })).toMatchObject({ status: 403 })
})

test.each([
  [{ price_scan_ppm: 0 }, '#/price_scan_ppm'],
  [{ price_scan_ppm: 1e9 }, '#/price_scan_ppm'],
  [{ volatility_scan: '-1' }, '#/volatility_scan'],
  [{ volatility_scan: '1.0000001' }, '#/volatility_scan'],
  [{ volatility_scan: '1000.1' }, '#/volatility_scan'],
  [{ concentration_threshold: '9007199255' }, '#/concentration_threshold'],
  [{ haircut_ppm: 1_000_001 }, '#/haircut_ppm'],
  [{ concentration_threshold: '1e9' }, '#/concentration_threshold'],
  [{ max_age_ms: 1 }, '#/max_age_ms'],
  [{ underlying: 'H100.USE', move_ppm: 50_000 }, '#/move_ppm'],
  [{ effective_from: '2020-01-01T00:00:00Z' }, '#/effective_from'],
  [{ scan: 1 }, '#/scan'],
])('%j is refused by its name, and nothing is stored', async (body, pointer) => {
  expect(await set(body)).toMatchObject({ status: 400, body: { errors: [{ pointer }] } })
  expect(floor.tables.items('parameters').filter(({ kind }) => kind === 'risk')).toEqual([])
  expect(floor.tables.items('approvalRequests')).toEqual([])
})

test('an underlying that is no index and that nothing depends on is refused by its name', async () => {
  expect(await set({ underlying: 'H100.UES', price_scan_ppm: 250_000 })).toMatchObject({
    status: 422,
    body: { code: 'unknown-underlying', errors: [{ pointer: '#/underlying' }] },
  })
})
