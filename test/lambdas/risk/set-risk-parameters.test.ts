import { beforeEach, expect, jest, test } from '@jest/globals'
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

const later = '2046-01-01T00:00:00.000Z'
const latest = '2047-01-01T00:00:00.000Z'
const of = { underlying: 'H100.USE' }
const at = async (instant = new Date(Date.now() + 1_000).toISOString(), underlying = 'H100.USE') =>
  (await send('get-risk-parameters', { query: { underlying, at: instant } })).body
const approve = async (body: Readonly<Record<string, unknown>>) =>
  send('approve-parameter-change', {
    as: { account: 'vera', role: 'risk_manager', credential: 'of vera' },
    path: { request_id: String(body['request_id']) },
  })

test('a change made now is in what was set for later, which keeps what it names itself', async () => {
  expect(await set({ ...of, haircut_ppm: 300_001, effective_from: later })).toMatchObject({ status: 200 })
  expect(await set({ ...of, price_scan_ppm: 400_000 })).toMatchObject({
    status: 200,
    body: { price_scan_ppm: 400_000 },
  })
  expect(await set({ ...of, price_scan_ppm: 200_000 })).toMatchObject({ status: 201 })
  expect(await at()).toMatchObject({ version: 2, price_scan_ppm: 400_000, haircut_ppm: 300_000 })
  expect(await at(later)).toMatchObject({ version: 1, price_scan_ppm: 400_000, haircut_ppm: 300_001 })
})

test('what a later version would undo is refused by its name, until that is set tighter', async () => {
  await set({ ...of, haircut_ppm: 300_001, effective_from: later })
  expect(await set({ ...of, haircut_ppm: 350_000, price_scan_ppm: 400_000 })).toMatchObject({
    status: 409,
    body: {
      code: 'undone-by-later-version',
      detail: expect.stringContaining(`H100.USE from ${later} on protects less by haircut_ppm`),
      errors: [{ pointer: '#/haircut_ppm' }],
    },
  })
  expect(await at()).toMatchObject({ version: 0, haircut_ppm: 300_000 })
  expect(await set({ ...of, haircut_ppm: 350_000, effective_from: later })).toMatchObject({ status: 200 })
  expect(await set({ ...of, haircut_ppm: 350_000, price_scan_ppm: 400_000 })).toMatchObject({ status: 200 })
  expect(await at(later)).toMatchObject({ haircut_ppm: 350_000, price_scan_ppm: 400_000 })
})

test('what two persons have decided for later is not undone by one, and does not undo what one tightens', async () => {
  const loosened = await set({ ...of, price_scan_ppm: 150_000, effective_from: later })
  expect(await approve(loosened.body)).toMatchObject({ status: 200 })
  expect(await set({ ...of, price_scan_ppm: 250_000 })).toMatchObject({ status: 409 })
  // What is not of that field is no matter of it.
  expect(await set({ ...of, haircut_ppm: 400_000 })).toMatchObject({ status: 200 })
  expect(await at(later)).toMatchObject({ price_scan_ppm: 150_000, haircut_ppm: 400_000 })
  // Less tight than what is set for later, now: two persons, and later stays as it was.
  expect(await set({ ...of, price_scan_ppm: 300_000, effective_from: latest })).toMatchObject({ status: 200 })
  expect(await set({ ...of, price_scan_ppm: 190_000 })).toMatchObject({ status: 201 })
  expect(await at(latest)).toMatchObject({ price_scan_ppm: 300_000, haircut_ppm: 400_000 })
})

test('an underlying’s first version begins with what holds for all by then, and all are not tightened past it', async () => {
  await set({ ...of, haircut_ppm: 310_000, effective_from: later })
  expect(await set({ price_scan_ppm: 400_000 })).toMatchObject({ status: 200 })
  expect(await at(later)).toMatchObject({ underlying: 'H100.USE', price_scan_ppm: 400_000, haircut_ppm: 310_000 })
  expect(await set({ haircut_ppm: 350_000 })).toMatchObject({
    status: 409,
    body: { code: 'undone-by-later-version', detail: expect.stringContaining('of H100.USE') },
  })
})

test('a version that would keep from an underlying what is to be tightened for all waits for another person', async () => {
  await set({ haircut_ppm: 400_000, effective_from: later })
  expect(await set({ ...of, price_scan_ppm: 250_000 })).toMatchObject({ status: 201 })
  expect(await set({ ...of, price_scan_ppm: 250_000, haircut_ppm: 400_000 })).toMatchObject({ status: 200 })
})

test('an approval lapses with what was set for later in between', async () => {
  const asked = await set({ ...of, price_scan_ppm: 150_000 })
  await set({ ...of, price_scan_ppm: 300_000, effective_from: later })
  expect(await approve(asked.body)).toMatchObject({ status: 409, body: { code: 'limits-changed' } })
  const again = await set({ ...of, price_scan_ppm: 150_000 })
  expect(await approve(again.body)).toMatchObject({ status: 200 })
  expect(await at()).toMatchObject({ price_scan_ppm: 150_000 })
  expect(await at(later)).toMatchObject({ price_scan_ppm: 300_000 })
})

test('of many changes at once, of all and of one, none is lost', async () => {
  const terms = ['price_scan_ppm', 'short_option_minimum_ppm', 'concentration_charge_ppm', 'haircut_ppm']
  const answers = await Promise.all(terms.map(term => set({ ...of, [term]: 500_000 })))
  expect(answers.map(({ status }) => status)).toEqual(terms.map(() => 200))
  expect(await at()).toMatchObject({ version: 4, ...Object.fromEntries(terms.map(term => [term, 500_000])) })
})

test('of many changes at once the one that is told later also holds later, however slowly each is made', async () => {
  let millis = Date.now()
  const now = jest.spyOn(Date, 'now').mockImplementation(() => millis++)
  const scans = [210_000, 220_000, 230_000, 240_000]
  await Promise.all(scans.map(scan => set({ ...of, price_scan_ppm: scan })))
  now.mockRestore()
  const rows = floor.tables.items('parameters').filter(({ kind }) => kind === 'risk')
  const inOrder = rows.sort((one, other) => Number(one['version']) - Number(other['version']))
  const begins = inOrder.map(row => Number(row['effective_millis']))
  expect(begins.length).toBeGreaterThan(0)
  expect(begins).toEqual(begins.toSorted((one, other) => one - other))
  const scanOf = (row: (typeof rows)[number] | undefined) => row?.['value']
  expect(await at(new Date(millis).toISOString())).toMatchObject(Object(scanOf(inOrder.at(-1))))
})
