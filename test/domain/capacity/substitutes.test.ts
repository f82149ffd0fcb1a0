import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  latencyStepMillis,
  nearestSubstitutes,
  partsOf,
  type SubstituteProduct,
  type SubstituteQuery,
  substituteAspects,
  substituteIndex,
} from '#domain/capacity/substitutes.ts'

const h100: SubstituteProduct = {
  productId: 'h100',
  region: 'us-east',
  performanceTflops: 989,
  memoryGib: 80,
  interconnectGbytesPerSecond: 900,
  priceMicrosPerHour: 2_500_000,
  reliability: 0.999,
}
const evenly = { performance: 1, memory: 1, interconnect: 1, region_latency: 1, price: 1, reliability: 1 }
const query: SubstituteQuery = {
  target: h100,
  weights: evenly,
  latencyMillisTo: region => (region === 'us-east' ? 0 : region === 'us-west' ? 60 : 100),
  countsBetter: true,
  limit: 3,
}
const idsOf = (products: readonly SubstituteProduct[], asked: Partial<SubstituteQuery> = {}) =>
  nearestSubstitutes(substituteIndex(products), { ...query, ...asked }).map(({ product }) => product.productId)

/** Of a few values, so that equal distances are common. */
const product = fc.record({
  productId: fc.string(),
  region: fc.constantFrom('us-east', 'us-west', 'eu', 'asia'),
  performanceTflops: fc.constantFrom(0, 125, 312, 989, 2_250),
  memoryGib: fc.constantFrom(16, 40, 80, 141),
  interconnectGbytesPerSecond: fc.constantFrom(32, 600, 900),
  priceMicrosPerHour: fc.oneof(fc.constantFrom(1_000_000, 2_500_000), fc.integer({ min: 0, max: 1e7 })),
  reliability: fc.constantFrom(0, 0.95, 0.999, 1),
})
const weight = fc.constantFrom(0, 0.5, 1, 3)
const weights = fc.record({
  performance: weight,
  memory: weight,
  interconnect: weight,
  region_latency: weight,
  price: weight,
  reliability: weight,
})

describe('substitutes', () => {
  test('are the first of a plain sort by distance', () => {
    fc.assert(
      fc.property(
        fc.array(product, { maxLength: 60 }),
        product,
        weights,
        fc.boolean(),
        fc.integer({ min: 0, max: 70 }),
        (products, target, weighting, countsBetter, limit) => {
          const asked = { ...query, target, weights: weighting, countsBetter, limit }
          const sumOf = (each: SubstituteProduct) => {
            const parts = partsOf(each, asked)
            return (
              parts.region_latency +
              parts.performance +
              parts.memory +
              parts.interconnect +
              parts.price +
              parts.reliability
            )
          }
          const sorted = products
            .map((each, at) => ({ each, at, sum: sumOf(each) }))
            .sort((a, b) => a.sum - b.sum || a.at - b.at)
            .slice(0, limit)
          const found = nearestSubstitutes(substituteIndex(products), asked)
          expect(found.map(each => [each.product, each.distance])).toEqual(
            sorted.map(({ each, sum }) => [each, Math.sqrt(sum)]),
          )
          for (const each of found) expect(each.product).toBe(products.find(one => one === each.product))
        },
      ),
      { numRuns: 300 },
    )
  })

  test('the same resource is nearest, then half or twice of one aspect', () => {
    const half = { ...h100, productId: 'half', memoryGib: 40 }
    const quarter = { ...h100, productId: 'quarter', priceMicrosPerHour: 10_000_000 }
    expect(idsOf([quarter, half, h100])).toEqual(['h100', 'half', 'quarter'])
    const [, second, third] = nearestSubstitutes(substituteIndex([h100, half, quarter]), query)
    expect([second?.distance, third?.distance]).toEqual([1, 2])
    expect(third?.parts).toEqual({
      performance: 0,
      memory: 0,
      interconnect: 0,
      region_latency: 0,
      price: 4,
      reliability: 0,
    })
  })

  test('weights decide which difference matters', () => {
    const far = { ...h100, productId: 'far', region: 'us-west' }
    const slow = { ...h100, productId: 'slow', performanceTflops: 989 / 4 }
    expect(idsOf([far, slow])).toEqual(['far', 'slow'])
    expect(idsOf([far, slow], { weights: { ...evenly, region_latency: 10 } })).toEqual(['slow', 'far'])
    for (const aspect of substituteAspects)
      expect(idsOf([far, slow], { weights: { ...evenly, [aspect]: 0 } })).toHaveLength(2)
  })

  test('what is better is no difference where only shortfalls count', () => {
    const better = { ...h100, productId: 'better', memoryGib: 160, priceMicrosPerHour: 1_000_000, reliability: 0.9999 }
    const worse = { ...h100, productId: 'worse', memoryGib: 79 }
    expect(idsOf([worse, better])).toEqual(['worse', 'better'])
    expect(idsOf([worse, better], { countsBetter: false })).toEqual(['better', 'worse'])
    expect(nearestSubstitutes(substituteIndex([better]), { ...query, countsBetter: false })[0]?.distance).toBe(0)
  })

  test('distance is told in the units of each aspect', () => {
    const [west] = nearestSubstitutes(substituteIndex([{ ...h100, region: 'us-west' }]), query)
    expect(west).toMatchObject({ latencyMillis: 60, distance: 60 / latencyStepMillis })
    const [nine] = nearestSubstitutes(substituteIndex([{ ...h100, reliability: 0.99 }]), query)
    expect(nine?.distance).toBeCloseTo(1, 9)
  })

  test('none of none, and nothing at all is far, not infinitely', () => {
    expect(idsOf([])).toEqual([])
    expect(idsOf([h100], { limit: 0 })).toEqual([])
    const [nothing] = nearestSubstitutes(substituteIndex([{ ...h100, performanceTflops: 0 }]), query)
    expect(nothing?.distance).toBeGreaterThan(20)
    expect(Number.isFinite(nothing?.distance)).toBe(true)
  })
})
