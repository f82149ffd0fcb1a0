import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { american, americanGreeks } from '#domain/pricing/american.ts'
import { approximateAmerican } from '#domain/pricing/american-approximations.ts'
import { blackScholesMerton, type SpotOptionInputs } from '#domain/pricing/black-scholes-merton.ts'
import { answered, expectClose, runs, spotOptions } from './market-arbitraries.ts'

const { abs, exp, max, sqrt } = Math

/**
 * Cox, Ross and Rubinstein (1979) with the Black–Scholes price one step before expiry, extrapolated from half the steps
 * (Broadie and Detemple, 1996): an independent price, to about 1e-4 of the strike.
 */
const lattice = (inputs: SpotOptionInputs, steps: number): number => 2 * tree(inputs, steps) - tree(inputs, steps / 2)

const tree = (inputs: SpotOptionInputs, steps: number): number => {
  const { spot, strike, timeYears, volatility, rate, yieldRate } = inputs
  const sign = inputs.optionType === 'call' ? 1 : -1
  const years = timeYears / steps
  const up = exp(volatility * sqrt(years))
  const probability = (exp((rate - yieldRate) * years) - 1 / up) / (up - 1 / up)
  const [toUp, toDown] = [exp(-rate * years) * probability, exp(-rate * years) * (1 - probability)]
  const prices = Float64Array.from({ length: 2 * steps + 1 }, (_, i) => spot * up ** (i - steps))
  const priceAt = (step: number, ups: number) => prices[2 * ups - step + steps] ?? 0
  const values = Float64Array.from({ length: steps }, (_, ups) => {
    const price = priceAt(steps - 1, ups)
    return max(answered(blackScholesMerton({ ...inputs, spot: price, timeYears: years })), sign * (price - strike))
  })
  for (let step = steps - 2; step >= 0; step--) {
    for (let ups = 0; ups <= step; ups++)
      values[ups] = max(
        toUp * (values[ups + 1] ?? 0) + toDown * (values[ups] ?? 0),
        sign * (priceAt(step, ups) - strike),
      )
  }
  return values[0] ?? 0
}

const options = spotOptions.filter(({ rate, yieldRate }) => rate > 0.001 && yieldRate > 0.001)

const nearOptions = options.filter(
  ({ spot, strike, volatility, timeYears }) => abs(Math.log(spot / strike)) < 3 * volatility * sqrt(timeYears),
)

describe('american options', () => {
  test('agree with a lattice', () => {
    fc.assert(
      fc.property(nearOptions, inputs => {
        expect(abs(answered(american(inputs)) - lattice(inputs, 120))).toBeLessThan(
          1e-3 * max(inputs.spot, inputs.strike),
        )
      }),
      { numRuns: 12 },
    )
  })

  test('are worth at least the European option and exercise now, and rise with time', () => {
    fc.assert(
      fc.property(options, inputs => {
        const price = answered(american(inputs))
        const sign = inputs.optionType === 'call' ? 1 : -1
        expect(price).toBeGreaterThanOrEqual(answered(blackScholesMerton(inputs)))
        expect(price).toBeGreaterThanOrEqual(sign * (inputs.spot - inputs.strike))
        expect(answered(american({ ...inputs, timeYears: inputs.timeYears * 1.2 }))).toBeGreaterThanOrEqual(
          price - 2e-5 * inputs.strike,
        )
        const mirrored = {
          ...inputs,
          ...{
            optionType: sign === 1 ? ('put' as const) : ('call' as const),
            spot: inputs.strike,
            strike: inputs.spot,
          },
          ...{ rate: inputs.yieldRate, yieldRate: inputs.rate },
        }
        expectClose(answered(american(mirrored)), price, 1e-12)
        const scaled = { ...inputs, spot: inputs.spot * 3, strike: inputs.strike * 3 }
        expectClose(answered(american(scaled)), 3 * price, 1e-9)
      }),
      runs,
    )
  })

  test('without yield a call is European, without a rate a put is', () => {
    fc.assert(
      fc.property(options, inputs => {
        const call = { ...inputs, optionType: 'call' as const, yieldRate: 0 }
        expect(answered(american(call))).toBe(answered(blackScholesMerton(call)))
        const put = { ...inputs, optionType: 'put' as const, rate: 0 }
        expect(answered(american(put))).toBe(answered(blackScholesMerton(put)))
      }),
      runs,
    )
  })

  test('greeks are slopes, and those of exercise where exercise is best', () => {
    const inputs = {
      optionType: 'put',
      spot: 2.5,
      strike: 2.4,
      timeYears: 1,
      volatility: 0.6,
      rate: 0.06,
      yieldRate: 0.02,
    } as const
    const greeks = answered(americanGreeks(inputs))
    const step = 0.02
    const [down, up] = [-step, step].map(by => lattice({ ...inputs, spot: inputs.spot + by }, 200)) as [number, number]
    expectClose(greeks.delta, (up - down) / (2 * step), 1e-3)
    expectClose(greeks.gamma, (up + down - 2 * lattice(inputs, 200)) / step ** 2, 2e-2)
    const later = lattice({ ...inputs, timeYears: 1.01 }, 200) - lattice({ ...inputs, timeYears: 0.99 }, 200)
    expectClose(greeks.theta, -later / 0.02, 1e-3)
    const deep = answered(americanGreeks({ ...inputs, spot: 0.5 }))
    expect(deep).toMatchObject({ price: 1.9, delta: -1, gamma: 0, vega: 0, theta: 0 })
  })

  test('stays sane at the ends', () => {
    const inputs = { optionType: 'put', spot: 100, strike: 110, timeYears: 1, rate: 0.05, yieldRate: 0.05 } as const
    for (const volatility of [1e-4, 1e-3, 0.01, 3, 8, 30]) {
      const price = answered(american({ ...inputs, volatility }))
      expect(price).toBeGreaterThanOrEqual(10)
      expect(price).toBeLessThanOrEqual(110)
    }
    // Little variance and much carry: the first of the two fixed points does not settle there.
    const steady = { ...inputs, spot: 1.758, strike: 1.849, volatility: 0.013, rate: 0.072, yieldRate: -0.03 }
    for (const timeYears of [0.001, 0.1, 5]) expectClose(answered(american({ ...steady, timeYears })), 0.091, 1e-9)
    expectClose(answered(american({ ...inputs, volatility: 0.2, timeYears: 1e-6 })), 10, 1e-6)
    const never = answered(american({ ...inputs, optionType: 'put', rate: -0.01, yieldRate: 0.01, volatility: 0.3 }))
    expect(never).toBe(answered(blackScholesMerton({ ...inputs, rate: -0.01, yieldRate: 0.01, volatility: 0.3 })))
    expect(answered(american({ ...inputs, rate: 0, yieldRate: -0.03, volatility: 0.3 }))).toBeGreaterThan(10)
  })

  test('the approximations have their published values, and miss the price by little', () => {
    // Haug, Option Pricing Formulas (1998), pages 24 and 27; Ju (1999), exhibit 3.
    const whaley = {
      optionType: 'call',
      spot: 90,
      strike: 100,
      timeYears: 0.1,
      volatility: 0.15,
      rate: 0.1,
      yieldRate: 0.1,
    }
    const stensland = {
      optionType: 'call',
      spot: 42,
      strike: 40,
      timeYears: 0.75,
      volatility: 0.35,
      rate: 0.04,
      yieldRate: 0.08,
    }
    const ju = {
      optionType: 'put',
      spot: 40,
      strike: 35,
      timeYears: 1 / 12,
      volatility: 0.2,
      rate: 0.0488,
      yieldRate: 0,
    }
    for (const [inputs, method, published] of [
      [whaley, 'barone-adesi-whaley', 0.0206],
      [stensland, 'bjerksund-stensland-1993', 5.2704],
      [ju, 'ju-1999', 0.006],
    ] as const) {
      const value = answered(approximateAmerican(inputs as SpotOptionInputs, method))
      expect(abs(value - published)).toBeLessThan(method === 'ju-1999' ? 5e-4 : 5e-5)
    }
    fc.assert(
      fc.property(
        nearOptions,
        fc.constantFrom('barone-adesi-whaley', 'bjerksund-stensland-1993', 'ju-1999'),
        (inputs, method) => {
          const value = answered(approximateAmerican(inputs, method))
          // The worst of 60,000 draws, at a volatility of 120 % and two years, misses by 2.7 %.
          expect(abs(value - answered(american(inputs)))).toBeLessThan(0.04 * max(inputs.spot, inputs.strike))
          expect(value).toBeGreaterThanOrEqual(answered(blackScholesMerton(inputs)) - 1e-12)
        },
      ),
      runs,
    )
    // As published both are below the European price: exercise beyond a boundary that is too near, a correction gone too far.
    for (const [method, below] of [
      [
        'bjerksund-stensland-1993',
        { ...stensland, spot: 0.52015, strike: 0.5, timeYears: 0.05, volatility: 0.1, rate: 0.1165, yieldRate: 0.12 },
      ],
      [
        'ju-1999',
        {
          ...ju,
          spot: 0.8607,
          strike: 0.911,
          timeYears: 0.0495,
          volatility: 0.1967,
          rate: 0.00315,
          yieldRate: 0.00245,
        },
      ],
    ] as const) {
      const kept = answered(approximateAmerican(below as SpotOptionInputs, method))
      expect(kept).toBeGreaterThanOrEqual(answered(blackScholesMerton(below as SpotOptionInputs)))
    }
    const refusedByName = approximateAmerican({ ...(ju as SpotOptionInputs), yieldRate: -0.1, rate: -0.01 }, 'ju-1999')
    expect(refusedByName).toEqual({ priced: false, code: 'not-positive', field: 'rate' })
  })
})
