import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { productsIn, productsInPieces } from '#adapters/tables/partner-offers.ts'
import { catalogueProduct, openPartnerFloor, screenedPrice } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

const operator = { as: { account: 'house', role: 'market_operator' as const } }
const begin = async () => {
  const { body } = await floor.request('begin-catalogue-import', {
    ...operator,
    headers: { 'idempotency-key': 'k' },
    body: { provider: 'gcp', file_name: 'prices.csv', products: 1, rows: 3, screened: 1 },
  })
  return { provider: 'gcp', import_id: String(body['import_id']) }
}

test('a piece is counted once, however often it comes', async () => {
  const path = await begin()
  const body = {
    batch: 0,
    products: [catalogueProduct([['2026-11-01', '4', null, null, null]])],
    screened: [screenedPrice],
  }
  for (let again = 0; again < 2; again += 1)
    expect((await floor.request('add-catalogue-products', { ...operator, path, body })).body).toMatchObject({
      received: { products: 1, rows: 3, screened: 1 },
    })
  const kept = await productsIn(path.import_id, 'us-central1')
  expect(kept).toHaveLength(1)
  expect(await productsInPieces(path.import_id)).toEqual(kept)
  // Another piece under its number: what was announced could be passed by it.
  const other = { ...body, products: [catalogueProduct([['2026-11-01', '9999', null, null, null]])] }
  expect(await floor.request('add-catalogue-products', { ...operator, path, body: other })).toMatchObject({
    status: 409,
    body: { code: 'idempotency-conflict' },
  })
  expect(JSON.stringify(await floor.tables.items('partnerOffers'))).not.toContain('9999')
})

test('prices that are none are refused, and nothing of the piece is stored', async () => {
  const path = await begin()
  for (const price of ['NaN', '-1', '0', '10001', 'Infinity', '1e3', 1]) {
    const body = { batch: 0, products: [catalogueProduct([['2026-11-01', price, null, null, null]])], screened: [] }
    expect((await floor.request('add-catalogue-products', { ...operator, path, body })).body['code']).toBe(
      'invalid-request',
    )
  }
  expect(await floor.tables.items('partnerOffers')).toEqual([])
  const none = { ...path, import_id: '01900000-0000-7000-8000-00000000ffff' }
  const body = { batch: 0, products: [], screened: [] }
  expect((await floor.request('add-catalogue-products', { ...operator, path: none, body })).status).toBe(404)
})

test('to one that is completed nothing is added', async () => {
  const importId = await floor.catalogue('gcp', [['2026-11-01', '4', null, null, null]])
  const answered = await floor.request('add-catalogue-products', {
    ...operator,
    path: { provider: 'gcp', import_id: importId },
    body: { batch: 1, products: [], screened: [] },
  })
  expect(answered.body['code']).toBe('catalogue-completed')
})
