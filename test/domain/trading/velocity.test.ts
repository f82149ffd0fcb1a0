import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type PricePoint, PriceWatch } from '#domain/trading/velocity.ts'

const steps = fc.array(
  fc.record({ afterMillis: fc.integer({ min: 0, max: 4 }), ticks: fc.integer({ min: 1, max: 14 }) }),
  {
    maxLength: 60,
  },
)
const velocityMillis = fc.integer({ min: 1, max: 12 })
const velocityPpm = fc.constantFrom(1, 100_000, 250_000, 1_000_000, 4_000_000)

const pointsOf = (all: readonly { readonly afterMillis: number; readonly ticks: number }[]): PricePoint[] => {
  let atMillis = 1_000
  return all.map(({ afterMillis, ticks }) => {
    atMillis += afterMillis
    return { atMillis, ticks }
  })
}

describe('velocity', () => {
  test('is that to any trade of the last moments, as a list of all trades says', () => {
    fc.assert(
      fc.property(steps, velocityMillis, velocityPpm, (all, millis, ppm) => {
        const watch = new PriceWatch()
        const past: PricePoint[] = []
        for (const point of pointsOf(all)) {
          const recent = past.filter(({ atMillis }) => atMillis >= point.atMillis - millis)
          const isTooFast = recent.some(({ ticks }) => Math.abs(point.ticks - ticks) * 1_000_000 > ticks * ppm)
          expect(watch.isTooFast(point, ppm, millis)).toBe(isTooFast)
          past.push(point)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('goes on from what it has kept as if nothing had happened', () => {
    fc.assert(
      fc.property(steps, fc.nat(), velocityMillis, velocityPpm, (all, seed, millis, ppm) => {
        const points = pointsOf(all)
        const cut = seed % (points.length + 1)
        const watch = new PriceWatch()
        for (const point of points.slice(0, cut)) watch.isTooFast(point, ppm, millis)
        const restored = new PriceWatch(watch.points())
        expect(restored.points()).toEqual(watch.points())
        for (const point of points.slice(cut)) {
          expect(restored.isTooFast(point, ppm, millis)).toBe(watch.isTooFast(point, ppm, millis))
          expect(restored.points()).toEqual(watch.points())
        }
      }),
      { numRuns: 500 },
    )
  })
})
