import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { catalogueProduct, openPartnerFloor } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

const operator = { as: { account: 'house', role: 'market_operator' as const } }

test('only a whole one is in force, and then all of it at once in the place of the one before', async () => {
  const first = await floor.catalogue('gcp', [['2026-11-01', '4', null, null, null]])
  const { body } = await floor.request('begin-catalogue-import', {
    ...operator,
    headers: { 'idempotency-key': 'k' },
    body: { provider: 'gcp', file_name: 'prices.csv', products: 2, rows: 6, screened: 0 },
  })
  const path = { provider: 'gcp', import_id: String(body['import_id']) }
  const add = (batch: number, product: string) =>
    floor.request('add-catalogue-products', {
      ...operator,
      path,
      body: {
        batch,
        products: [{ ...catalogueProduct([['2026-11-01', '3', null, null, null]]), product }],
        screened: [],
      },
    })
  const inForce = async () => {
    const { body: list } = await floor.request('list-catalogues', {
      as: { account: 'alice' },
      query: { provider: 'gcp' },
    })
    return (list['data'] as { import_id: string; is_in_force: boolean }[]).filter(each => each.is_in_force)[0]
      ?.import_id
  }
  await add(0, 'one')
  const refused = await floor.request('complete-catalogue-import', { ...operator, path })
  expect(refused.body).toMatchObject({
    code: 'catalogue-incomplete',
    detail: expect.stringContaining('1 of 2 products'),
  })
  expect(await inForce()).toBe(first)
  await add(1, 'two')
  for (let again = 0; again < 2; again += 1)
    expect((await floor.request('complete-catalogue-import', { ...operator, path })).body).toMatchObject({
      catalogue_state: 'completed',
    })
  expect(await inForce()).toBe(path.import_id)
})
