import { beforeEach, expect, test } from '@jest/globals'
import { provePayoffBounds } from '#domain/pricing/payoff-bounds.ts'
import { readPayoff } from '#domain/pricing/payoff-tree.ts'
import { pricingOperations } from '#protocol/operations/pricing.ts'
import { requests } from '#test/support/http-requests.ts'
import { openPricingFloor } from '#test/support/pricing-floor.ts'

const floor = openPricingFloor()
const { handler } = await import('#lambdas/pricing/http.ts')
const send = requests(handler, pricingOperations)

beforeEach(() => floor.reset())

test('every template makes a payoff that can be listed, and its example can be previewed', async () => {
  floor.index('2.5')
  const { body } = await send('list-structured-product-templates')
  const templates = body['data']
  if (!Array.isArray(templates)) throw new Error('a list')
  expect(templates.map(({ name }) => name)).toEqual([
    'autocallable',
    'reverse_convertible',
    'range_accrual',
    'cliquet',
    'compute_cost_cap',
  ])
  for (const { payoff, example } of templates) {
    const tree = readPayoff(payoff)
    if (!tree.priced) throw new Error(`${tree.field}: ${tree.code}`)
    const bounds = provePayoffBounds(tree.value)
    expect(bounds).toMatchObject({ priced: true })
    expect(bounds.priced ? bounds.value.lowest : -1).toBeGreaterThanOrEqual(0)
    expect(await send('preview-structured-product', { body: { ...example, paths: 1_000 } })).toMatchObject({
      status: 200,
      body: { payoff },
    })
  }
})
