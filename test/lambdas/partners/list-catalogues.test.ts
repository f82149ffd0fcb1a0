import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { openPartnerFloor } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

test('the imports of a provider, the newest first', async () => {
  const ids = [
    await floor.catalogue('gcp', [['2026-11-01', '4', null, null, null]]),
    await floor.catalogue('gcp', [['2026-11-02', '3', null, null, null]]),
  ]
  await floor.catalogue('aws', [['2026-11-02', '3', null, null, null]])
  const list = (query: object) =>
    floor.request('list-catalogues', { as: { account: 'alice' }, query: { provider: 'gcp', ...query } })
  expect((await list({})).body).toMatchObject({
    data: [
      { import_id: ids[1], is_in_force: true, received: { products: 1, rows: 3, screened: 1 } },
      { import_id: ids[0], is_in_force: false },
    ],
  })
  const { body } = await list({ limit: '1' })
  expect((await list({ limit: '1', cursor: body['next_cursor'] })).body).toMatchObject({
    data: [{ import_id: ids[0] }],
    next_cursor: null,
  })
})
