import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { black76, black76Greeks } from '#domain/pricing/black76.ts'
import { impliedVolatility } from '#domain/pricing/implied-volatility.ts'
import { answered, spotOptions } from './market-arbitraries.ts'

const terms = { optionType: 'call', forward: 100, strike: 90, timeYears: 1, discountFactor: 1 } as const

describe('implied volatility', () => {
  test('is the volatility of the price, or refused where the price does not tell it', () => {
    fc.assert(
      fc.property(spotOptions, fc.double({ min: 0.01, max: 5, noNaN: true }), (inputs, volatility) => {
        const future = { ...inputs, forward: inputs.spot, volatility }
        const greeks = answered(black76Greeks(future))
        const answer = impliedVolatility({
          ...future,
          discountFactor: Math.exp(-inputs.rate * inputs.timeYears),
          price: greeks.price,
        })
        // How far one rounding of the price (and of the parity that leads to it) moves the volatility.
        const moved = (Number.EPSILON * 4 * (greeks.price + inputs.spot + inputs.strike)) / greeks.vega
        // At its intrinsic value, as far as a double tells, a price has volatility zero.
        if (answer.priced && answer.value === 0) expect(moved / volatility).toBeGreaterThan(1e-2)
        else if (answer.priced) expect(Math.abs(answer.value - volatility)).toBeLessThan(1e-10 + 4 * moved)
        else expect(moved / volatility).toBeGreaterThan(1e-9)
      }),
      { numRuns: 300 },
    )
  })

  test('of tiny and of huge volatilities, in and out of the money', () => {
    for (const volatility of [1e-5, 1e-4, 1e-3, 5, 12]) {
      const price = answered(black76({ ...terms, strike: 100, volatility, rate: 0 }))
      const answer = answered(impliedVolatility({ ...terms, strike: 100, price }))
      expect(Math.abs(answer / volatility - 1)).toBeLessThan(1e-9)
    }
    const price = answered(black76({ ...terms, strike: 300, volatility: 0.08, rate: 0 }))
    expect(price).toBeLessThan(1e-30)
    expect(answered(impliedVolatility({ ...terms, strike: 300, price }))).toBeCloseTo(0.08, 12)
  })

  test('is refused by name where there is none', () => {
    const ask = (price: number, change = {}) => impliedVolatility({ ...terms, ...change, price })
    expect(ask(9.9)).toEqual({ priced: false, code: 'price-below-intrinsic', field: 'price' })
    expect(ask(100)).toEqual({ priced: false, code: 'price-above-bound', field: 'price' })
    expect(ask(10.000000000000004)).toEqual({ priced: true, value: 0 })
    expect(ask(10.000000000001)).toEqual({ priced: false, code: 'volatility-not-determined', field: 'price' })
    expect(ask(99.99999999999999)).toEqual({ priced: false, code: 'volatility-not-determined', field: 'price' })
    expect(ask(0, { strike: 110 })).toEqual({ priced: false, code: 'volatility-not-determined', field: 'price' })
    expect(ask(10)).toEqual({ priced: true, value: 0 })
  })
})
