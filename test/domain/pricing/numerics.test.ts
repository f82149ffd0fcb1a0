import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { bivariateNormalCdf, normalCdf, normalDensity, normalQuantile, quickNormalCdf } from '#domain/pricing/normal.ts'
import { gaussLegendre, integrate } from '#domain/pricing/quadrature.ts'
import { standardNormals } from '#domain/pricing/random-normals.ts'
import { solveTridiagonal } from '#domain/pricing/tridiagonal.ts'
import { expectClose, runs } from './market-arbitraries.ts'

const real = (size: number) => fc.double({ min: -size, max: size, noNaN: true })

describe('numerics', () => {
  test('the quick normal distribution is the library’s', () => {
    for (let x = -12; x <= 12; x += 0.0371) {
      expect(Math.abs(quickNormalCdf(x) - normalCdf(x))).toBeLessThan(2e-15)
      expect(Math.abs(quickNormalCdf(-Math.abs(x)) / normalCdf(-Math.abs(x)) - 1)).toBeLessThan(2e-8)
    }
    expect([quickNormalCdf(40), quickNormalCdf(-40)]).toEqual([1, 0])
    expectClose(normalQuantile(normalCdf(-3.3)), -3.3, 1e-12)
  })

  test('the bivariate normal distribution is the integral of its density', () => {
    fc.assert(
      fc.property(
        real(3),
        real(3),
        fc.constantFrom(-0.999, -0.95, -0.6, 0, 0.3, 0.9, 0.93, 0.99),
        (h, k, correlation) => {
          const root = Math.sqrt(1 - correlation ** 2)
          const inner = (x: number) => normalDensity(x) * quickNormalCdf((k - correlation * x) / root)
          expect(Math.abs(bivariateNormalCdf(h, k, correlation) - integrate(inner, -9, h, 1e-14))).toBeLessThan(3e-13)
        },
      ),
      runs,
    )
    expect(bivariateNormalCdf(0.3, 0.7, 1)).toBeCloseTo(normalCdf(0.3), 14)
    expect(bivariateNormalCdf(0.3, 0.7, -1)).toBeCloseTo(normalCdf(0.3) + normalCdf(0.7) - 1, 14)
    expect(bivariateNormalCdf(Infinity, 0.7, 0.5)).toBe(normalCdf(0.7))
    expect(bivariateNormalCdf(0.1, -Infinity, 0.5)).toBe(0)
  })

  test('Gauss–Legendre is exact for polynomials, the adaptive rule corners kinks', () => {
    const power = gaussLegendre(8).reduce((sum, [node, weight]) => sum + weight * node ** 14, 0)
    expect(power).toBeCloseTo(2 / 15, 14)
    expect(integrate(x => Math.abs(x - 0.123), 0, 1, 1e-12)).toBeCloseTo((0.123 ** 2 + 0.877 ** 2) / 2, 11)
  })

  test('a tridiagonal system is solved', () => {
    const [lower, middle, upper] = [
      [0, 1, 2],
      [4, 5, 6],
      [1, 2, 0],
    ].map(row => Float64Array.from(row)) as [Float64Array, Float64Array, Float64Array]
    const right = Float64Array.from([4 * 1 + 2, 1 + 5 * 2 + 2 * 3, 2 * 2 + 6 * 3])
    solveTridiagonal(lower, middle, upper, right)
    expect([...right].map(x => Math.round(x * 1e12) / 1e12)).toEqual([1, 2, 3])
  })

  test('seeded normals repeat and have the moments of a normal', () => {
    const [first, second] = [standardNormals(7), standardNormals(7)]
    const sample = Array.from({ length: 20_000 }, first)
    expect(sample.slice(0, 5)).toEqual(Array.from({ length: 5 }, second))
    const moment = (power: number) => sample.reduce((sum, x) => sum + x ** power, 0) / sample.length
    expect(Math.abs(moment(1))).toBeLessThan(0.03)
    expect(Math.abs(moment(2) - 1)).toBeLessThan(0.04)
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.3)
  })
})
