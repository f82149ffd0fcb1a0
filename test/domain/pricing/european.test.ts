import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { bachelier, bachelierGreeks } from '#domain/pricing/bachelier.ts'
import { blackScholesMerton, blackScholesMertonGreeks } from '#domain/pricing/black-scholes-merton.ts'
import { black76, black76Greeks } from '#domain/pricing/black76.ts'
import { assetOrNothing, cashOrNothing } from '#domain/pricing/digital.ts'
import { answered, expectClose, runs, spotOptions } from './market-arbitraries.ts'

const { exp, sqrt } = Math

const asFuture = ({ spot, yieldRate: _, ...rest }: { spot: number; yieldRate: number }) => ({ forward: spot, ...rest })

describe('european options', () => {
  test('call less put is the forward contract', () => {
    fc.assert(
      fc.property(spotOptions, inputs => {
        const { spot, strike, timeYears, rate, yieldRate } = inputs
        const call = answered(blackScholesMerton({ ...inputs, optionType: 'call' }))
        const put = answered(blackScholesMerton({ ...inputs, optionType: 'put' }))
        expectClose(call - put, spot * exp(-yieldRate * timeYears) - strike * exp(-rate * timeYears), 1e-12)
      }),
      runs,
    )
  })

  test('a price lies between intrinsic value and bound, rises with volatility, is convex in the strike and homogeneous', () => {
    fc.assert(
      fc.property(spotOptions, inputs => {
        const future = { ...inputs, forward: inputs.spot }
        const { forward, strike, timeYears, rate } = future
        const discount = exp(-rate * timeYears)
        const price = answered(black76(future))
        const sign = inputs.optionType === 'call' ? 1 : -1
        expect(price).toBeGreaterThanOrEqual(discount * Math.max(sign * (forward - strike), 0) - 1e-14)
        expect(price).toBeLessThanOrEqual(discount * (sign === 1 ? forward : strike))
        expect(answered(black76({ ...future, volatility: future.volatility * 1.1 }))).toBeGreaterThanOrEqual(
          price - 1e-14,
        )
        const wings = [0.9, 1.1].map(by => answered(black76({ ...future, strike: strike * by })))
        expect((wings[0] ?? 0) + (wings[1] ?? 0) - 2 * price).toBeGreaterThanOrEqual(-1e-14)
        expectClose(answered(black76({ ...future, forward: 7 * forward, strike: 7 * strike })), 7 * price, 1e-13)
      }),
      runs,
    )
  })

  test('greeks are the slopes of the price', () => {
    const slope = (price: (by: number) => number, step: number) => (price(step) - price(-step)) / (2 * step)
    const tolerance = 2e-6
    fc.assert(
      fc.property(spotOptions, inputs => {
        const greeks = answered(blackScholesMertonGreeks(inputs))
        const at = (change: Partial<typeof inputs>) => answered(blackScholesMertonGreeks({ ...inputs, ...change }))
        const { spot, volatility, timeYears, rate, yieldRate } = inputs
        const near = 1e-4
        expectClose(greeks.price, answered(blackScholesMerton(inputs)), 1e-13)
        expectClose(
          greeks.delta,
          slope(by => at({ spot: spot + by }).price, near * spot),
          tolerance,
        )
        expectClose(
          greeks.gamma,
          slope(by => at({ spot: spot + by }).delta, near * spot),
          1e-4,
        )
        expectClose(
          greeks.vega,
          slope(by => at({ volatility: volatility + by }).price, near),
          tolerance,
        )
        expectClose(greeks.theta, -slope(by => at({ timeYears: timeYears + by }).price, near * timeYears), 1e-4)
        expectClose(
          greeks.rho,
          slope(by => at({ rate: rate + by }).price, near),
          tolerance,
        )
        expectClose(
          greeks.yieldRho,
          slope(by => at({ yieldRate: yieldRate + by }).price, near),
          tolerance,
        )
        expectClose(
          greeks.vanna,
          slope(by => at({ volatility: volatility + by }).delta, near),
          1e-4,
        )
        expectClose(
          greeks.volga,
          slope(by => at({ volatility: volatility + by }).vega, near),
          1e-4,
        )
      }),
      runs,
    )
    fc.assert(
      fc.property(spotOptions, fc.constantFrom(black76Greeks, bachelierGreeks), (inputs, model) => {
        const future = { ...asFuture(inputs), ...inputs, forward: inputs.spot }
        const greeks = answered(model(future))
        const at = (change: Partial<typeof future>) => answered(model({ ...future, ...change }))
        const { forward, volatility, timeYears, rate } = future
        const near = 1e-4
        // In standard deviations: close to expiry Bachelier's price bends within a thousandth of the forward.
        const forwardStep = near * volatility * sqrt(timeYears) * (model === black76Greeks ? forward : 1)
        expectClose(greeks.price, answered((model === black76Greeks ? black76 : bachelier)(future)), 1e-13)
        expectClose(
          greeks.delta,
          slope(by => at({ forward: forward + by }).price, forwardStep),
          1e-5,
        )
        expectClose(
          greeks.gamma,
          slope(by => at({ forward: forward + by }).delta, forwardStep),
          1e-3,
        )
        expectClose(
          greeks.vega,
          slope(by => at({ volatility: volatility + by }).price, near * volatility),
          1e-5,
        )
        expectClose(greeks.theta, -slope(by => at({ timeYears: timeYears + by }).price, near * timeYears), 1e-4)
        expectClose(
          greeks.rho,
          slope(by => at({ rate: rate + by }).price, near),
          tolerance,
        )
        expectClose(
          greeks.vanna,
          slope(by => at({ volatility: volatility + by }).delta, near * volatility),
          1e-3,
        )
        expectClose(
          greeks.volga,
          slope(by => at({ volatility: volatility + by }).vega, near * volatility),
          1e-3,
        )
      }),
      runs,
    )
  })

  test('a vanilla option is an asset-or-nothing less a cash-or-nothing', () => {
    fc.assert(
      fc.property(spotOptions, inputs => {
        const sign = inputs.optionType === 'call' ? 1 : -1
        const parts = answered(assetOrNothing(inputs)) - answered(cashOrNothing(inputs, inputs.strike))
        expectClose(sign * parts, answered(blackScholesMerton(inputs)), 1e-12)
      }),
      runs,
    )
  })
})
