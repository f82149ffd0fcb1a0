import { afterEach, beforeEach, expect, jest, test } from '@jest/globals'
import { pricingOperations } from '#protocol/operations/pricing.ts'
import { lambdaContext, requests } from '#test/support/http-requests.ts'
import { openPricingFloor, pricingNow, underlying } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/pricing/http.ts')
const marks = await import('#lambdas/pricing/mark-instruments.ts')
const send = requests(handler, pricingOperations)
const get = (index = underlying) => send('get-swap-curve', { path: { index } })

beforeEach(() => {
  floor.reset()
  jest.spyOn(Date, 'now').mockImplementation(() => pricingNow)
})
afterEach(() => {
  jest.restoreAllMocks()
})

test('forwards and par rates month by month, from fixings, futures and swaps', async () => {
  floor.activate(1)
  floor.index('2.5')
  floor.fixing(pricingNow - 1_800_000, '2.4')
  floor.book(floor.future(), 2_590, 2_610)
  await marks.handler({}, lambdaContext)
  const { status, body } = await get()
  expect(status).toBe(200)
  expect(body).toMatchObject({ index: underlying, level: '2.5', rate: '0' })
  expect(body['months']).toHaveLength(12)
  expect(body['months']).toMatchObject([
    { month: '2026-10', source: 'interpolated' },
    { month: '2026-11', source: 'future', forward: '2.6' },
    { month: '2026-12', source: 'extrapolated', forward: '2.6', discount_factor: '1' },
    ...Array.from({ length: 9 }, () => ({ forward: '2.6' })),
  ])
})

test('an index that nobody defined is unknown; one without level, future and swap has no curve', async () => {
  expect(await get('A100.USE')).toMatchObject({ status: 404, body: { code: 'unknown-index' } })
  floor.index(undefined)
  expect(await get()).toMatchObject({
    status: 409,
    body: { code: 'not-priceable', errors: [{ pointer: '#/path/index' }] },
  })
})
