import { afterAll, afterEach, beforeEach, expect, test } from '@jest/globals'
import { openPartnerFloor, screenedPrice } from '#test/support/partner-floor.ts'

const floor = await openPartnerFloor()
beforeEach(() => floor.reset())
afterEach(() => floor.end())
afterAll(() => floor.stop())

test('what was kept out of an import is told with its line and reason', async () => {
  const importId = await floor.catalogue('gcp', [['2026-11-01', '4', null, null, null]])
  const list = (path: Record<string, string>) =>
    floor.request('list-screened-prices', { as: { account: 'alice' }, path })
  expect((await list({ provider: 'gcp', import_id: importId })).body).toEqual({
    data: [screenedPrice],
    next_cursor: null,
  })
  expect((await list({ provider: 'aws', import_id: importId })).status).toBe(404)
})
