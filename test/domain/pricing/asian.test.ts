import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { geometricAsian, levyAsian, momentMatchedAsian } from '#domain/pricing/asian.ts'
import { arithmeticAsian, arithmeticContinuousAsian } from '#domain/pricing/asian-pde.ts'
import { blackScholesMerton } from '#domain/pricing/black-scholes-merton.ts'
import { answered, expectClose, runs, spotOptions } from './market-arbitraries.ts'

const coarse = { nodes: 200, steps: 50 }
const fixingYears = (timeYears: number, count: number) =>
  Array.from({ length: count }, (_, i) => (timeYears * (i + 1)) / count)
const fewRuns = { numRuns: 10 }

describe('average-price options', () => {
  test('one fixing at expiry is a European option, by every method', () => {
    fc.assert(
      fc.property(spotOptions, inputs => {
        const once = { ...inputs, fixingYears: [inputs.timeYears] }
        const european = answered(blackScholesMerton(inputs))
        expectClose(answered(geometricAsian(once)), european, 1e-12)
        expectClose(answered(momentMatchedAsian(once)), european, 1e-12)
      }),
      runs,
    )
    const inputs = {
      optionType: 'call',
      spot: 2,
      strike: 2.2,
      timeYears: 1,
      volatility: 0.8,
      rate: 0.05,
      yieldRate: 0.01,
    } as const
    expect(answered(arithmeticAsian({ ...inputs, fixingYears: [1] }))).toBeCloseTo(
      answered(blackScholesMerton(inputs)),
      4,
    )
  })

  test('call less put is the forward average, arithmetic calls are above geometric ones, moments are near the equation', () => {
    fc.assert(
      fc.property(spotOptions, fc.integer({ min: 2, max: 12 }), (inputs, count) => {
        const fixings = { ...inputs, fixingYears: fixingYears(inputs.timeYears, count) }
        const price = (optionType: 'call' | 'put', of = arithmeticAsian) =>
          answered(of({ ...fixings, optionType }, coarse))
        const growth = fixings.fixingYears.reduce(
          (sum, years) => sum + Math.exp((inputs.rate - inputs.yieldRate) * years),
          0,
        )
        const forward = Math.exp(-inputs.rate * inputs.timeYears) * ((inputs.spot * growth) / count - inputs.strike)
        expect(Math.abs(price('call') - price('put') - forward)).toBeLessThan(1e-4 * inputs.spot)
        expect(price('call')).toBeGreaterThanOrEqual(
          answered(geometricAsian({ ...fixings, optionType: 'call' })) - 1e-3,
        )
        if (inputs.volatility ** 2 * inputs.timeYears > 0.5) return
        const moments = answered(momentMatchedAsian({ ...fixings, optionType: 'call' }))
        expect(Math.abs(moments - price('call'))).toBeLessThan(0.02 * inputs.spot)
      }),
      fewRuns,
    )
  })

  test('past fixings move the strike, and decide it when they are high enough', () => {
    const inputs = {
      optionType: 'call',
      spot: 2,
      strike: 2,
      timeYears: 0.5,
      volatility: 0.6,
      rate: 0.04,
      yieldRate: 0,
    } as const
    const ahead = { ...inputs, fixingYears: [0.25, 0.5] }
    const seasoned = { ...ahead, pastFixings: 2, pastSum: 4.4 }
    const shifted = { ...ahead, strike: (2 * 4 - 4.4) / 2 }
    for (const model of [momentMatchedAsian, arithmeticAsian])
      expectClose(answered(model(seasoned)), answered(model(shifted)) / 2, 1e-9)
    const decided = { ...ahead, pastFixings: 2, pastSum: 9 }
    const certain = Math.exp(-0.02) * (((2 * (Math.exp(0.01) + Math.exp(0.02))) / 2) * 0.5 + 9 / 4 - 2)
    for (const model of [momentMatchedAsian, arithmeticAsian]) {
      expectClose(answered(model(decided)), certain, 1e-12)
      expect(answered(model({ ...decided, optionType: 'put' }))).toBe(0)
    }
  })

  test('many fixings come to the continuous average', () => {
    const inputs = {
      optionType: 'put',
      spot: 2,
      strike: 2.1,
      timeYears: 1,
      volatility: 0.4,
      rate: 0.05,
      yieldRate: 0.05,
    } as const
    const continuous = answered(arithmeticContinuousAsian(inputs))
    const many = { ...inputs, fixingYears: fixingYears(1, 365) }
    expect(Math.abs(answered(arithmeticAsian(many)) - continuous)).toBeLessThan(1e-3)
    const levy = answered(levyAsian({ ...inputs, averageSoFar: 0, remainingYears: 1 }))
    expect(Math.abs(levy - continuous)).toBeLessThan(2e-3)
  })
})
