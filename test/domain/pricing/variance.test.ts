import { describe, expect, test } from '@jest/globals'
import { black76 } from '#domain/pricing/black76.ts'
import {
  bootstrapDiscountFactors,
  discountFactorAt,
  fairSwapPrice,
  parSwapRates,
  payerSwapValue,
} from '#domain/pricing/discount-curve.ts'
import {
  realisedVariance,
  replicatedVariance,
  seasonedVarianceSwapValue,
  smileVariance,
  varianceSwapSettlement,
} from '#domain/pricing/variance-swap.ts'
import { termVariance, volatilityIndex } from '#domain/pricing/volatility-index.ts'
import { answered, expectClose, refusalOf } from './market-arbitraries.ts'

const volatility = 0.6
const strikes = Array.from({ length: 391 }, (_, i) => 0.1 + i * 0.05)
const quotesAt = (forward: number, timeYears: number) =>
  strikes.map(strike => {
    const price = (optionType: 'call' | 'put') =>
      answered(black76({ optionType, forward, strike, timeYears, volatility, rate: 0.03 }))
    const [call, put] = [price('call'), price('put')]
    return { strike, callBid: call, callAsk: call, putBid: put, putAsk: put }
  })

describe('variance', () => {
  test('a flat smile is worth its own variance by every method', () => {
    expectClose(answered(smileVariance(2.5, 0.7, () => volatility)), volatility ** 2, 1e-9)
    const options = (['put', 'call'] as const).flatMap(optionType =>
      strikes
        .filter(strike => (optionType === 'put' ? strike <= 2.5 : strike >= 2.5))
        .map(strike => ({ optionType, strike: Math.abs(strike - 2.5) < 1e-9 ? 2.5 : strike, volatility })),
    )
    if (!options.some(({ optionType, strike }) => optionType === 'put' && strike === 2.5))
      options.push({ optionType: 'put', strike: 2.5, volatility })
    if (!options.some(({ optionType, strike }) => optionType === 'call' && strike === 2.5))
      options.push({ optionType: 'call', strike: 2.5, volatility })
    const strip = {
      spot: 2.5,
      rate: 0.03,
      yieldRate: 0.03,
      timeYears: 0.25,
      centralStrike: 2.5,
      strikeSpacing: 0.05,
      options,
    }
    const { fairVariance } = answered(replicatedVariance(strip))
    expect(fairVariance).toBeGreaterThan(volatility ** 2)
    expectClose(fairVariance, volatility ** 2, 2e-3)
    const term = answered(termVariance(quotesAt(2.5, 0.1), 0.1, 0.03))
    expectClose(term.forward, 2.5, 1e-9)
    expectClose(term.variance, volatility ** 2, 2e-3)
  })

  test('the index lies between its terms and refuses what is no strip', () => {
    const index = answered(volatilityIndex({ minutes: 30_000, variance: 0.2 }, { minutes: 50_000, variance: 0.4 }))
    expect(index).toBeGreaterThan(100 * Math.sqrt(0.2))
    expect(index).toBeLessThan(100 * Math.sqrt(0.4))
    const quotes = quotesAt(2.5, 0.1)
    expect(refusalOf(termVariance(quotes.toReversed(), 0.1, 0.03))).toMatchObject({
      code: 'not-ascending',
      field: 'quotes',
    })
    expect(refusalOf(termVariance(quotes.slice(0, 2), 0.1, 0.03))).toMatchObject({ code: 'too-few' })
    expect(
      refusalOf(
        termVariance(
          quotes.map(quote => ({ ...quote, callBid: 0 })),
          0.1,
          0.03,
        ),
      ),
    ).toMatchObject({ code: 'too-few' })
    expect(refusalOf(volatilityIndex({ minutes: 5, variance: 0.2 }, { minutes: 5, variance: 0.2 }))).toMatchObject({
      field: 'next',
    })
  })

  test('realised, settled, seasoned', () => {
    const fixings = [2, 2.1, 1.9, 2.2]
    const returns = [Math.log(2.1 / 2), Math.log(1.9 / 2.1), Math.log(2.2 / 1.9)]
    const squares = returns.reduce((sum, x) => sum + x * x, 0)
    expectClose(answered(realisedVariance(fixings, 365, 'zero-mean-n')), (squares * 365) / 3, 1e-14)
    expect(refusalOf(realisedVariance([2, 2.1], 365, 'sample-mean'))).toMatchObject({
      code: 'too-few',
      field: 'fixings',
    })
    expect(refusalOf(realisedVariance([2, 0, 2], 365, 'zero-mean-n'))).toMatchObject({ code: 'not-positive' })
    const terms = { strikeVolatilityPoints: 50, vegaNotional: 1000 }
    expect(answered(varianceSwapSettlement(terms, 60))).toBe(10 * (3600 - 2500))
    expect(answered(varianceSwapSettlement({ ...terms, capMultiple: 1.1 }, 60))).toBeCloseTo(10 * (3025 - 2500), 9)
    const state = { elapsedShare: 1, realisedVariance: 0.36, fairVariance: 0, discountFactor: 1 }
    expect(answered(seasonedVarianceSwapValue(terms, state))).toBeCloseTo(11_000, 9)
    const half = { elapsedShare: 0.5, realisedVariance: 0.2, fairVariance: 0.3, discountFactor: 0.9 }
    expect(answered(seasonedVarianceSwapValue(terms, half))).toBeCloseTo(0, 9)
  })
})

describe('curve', () => {
  test('gives back the rates it was built from, and refuses impossible ones', () => {
    const [rates, years] = [
      [0.03, 0.035, 0.02, 0.04],
      [1, 1, 0.5, 1.2],
    ]
    const factors = answered(bootstrapDiscountFactors(rates, years))
    answered(parSwapRates(factors, years)).forEach((rate, i) => {
      expectClose(rate, rates[i] ?? 0, 1e-14)
    })
    const times = [1, 2, 2.5, 3.7]
    expect(answered(discountFactorAt(times, factors, 2))).toBeCloseTo(factors[1] ?? 0, 14)
    expect(answered(discountFactorAt(times, factors, 0))).toBe(1)
    expect(refusalOf(bootstrapDiscountFactors([0.03, 3], [1, 1]))).toMatchObject({
      code: 'discount-factor-not-positive',
      field: 'parRates',
    })
    expect(refusalOf(bootstrapDiscountFactors([], []))).toMatchObject({ code: 'too-few' })
    expect(refusalOf(bootstrapDiscountFactors([0.01], [1, 1]))).toMatchObject({ code: 'length-mismatch' })
    const swap = { discountFactors: factors, forwards: [2, 2.5, 3, 2], unitHours: [100, 200, 100, 50] }
    expect(answered(payerSwapValue(swap, answered(fairSwapPrice(swap))))).toBeCloseTo(0, 9)
  })
})
