import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { fineAmerican, seriesNormalCdf, textbookBlack76 } from '#bench/pricing-textbook.ts'
import { american } from '#domain/pricing/american.ts'
import { bachelier } from '#domain/pricing/bachelier.ts'
import { barrierOption, barrierTypes, binaryBarrierOption } from '#domain/pricing/barrier.ts'
import { blackScholesMerton, type SpotOptionInputs } from '#domain/pricing/black-scholes-merton.ts'
import { black76 } from '#domain/pricing/black76.ts'
import { assetOrNothing, cashOrNothing, gapOption } from '#domain/pricing/digital.ts'
import { impliedVolatility } from '#domain/pricing/implied-volatility.ts'
import { fixedLookback, floatingLookback } from '#domain/pricing/lookback.ts'
import { answered, spotOptions } from './market-arbitraries.ts'

const { abs, exp, expm1, log, max, min, PI, sinh, cosh, sqrt, tanh } = Math

/**
 * ∫f over [low, high] by the double-exponential rule of Takahasi and Mori (1974): neither the product's quadrature nor its
 * normal distribution, so that what is computed with it is a second opinion. Good to the last digits where f is smooth.
 */
const integral = (f: (x: number) => number, low: number, high: number): number => {
  if (!(high > low)) return 0
  const [half, middle, step] = [(high - low) / 2, (high + low) / 2, 1 / 64]
  let sum = 0
  for (let k = -250; k <= 250; k++) {
    const t = k * step
    const x = tanh((PI / 2) * sinh(t))
    const weight = ((PI / 2) * cosh(t)) / cosh((PI / 2) * sinh(t)) ** 2
    if (weight > 1e-300 && abs(x) < 1) sum += weight * f(middle + half * x)
  }
  return sum * half * step
}

const density = (z: number): number => exp(-0.5 * z * z) / sqrt(2 * PI)

/** E[pay(X); low < X < high], X = forward e^{sz − s²/2}, over twelve deviations of what is large there. */
const expectation = (
  { spot, timeYears, volatility, rate, yieldRate }: Omit<SpotOptionInputs, 'optionType' | 'strike'>,
  pay: (level: number) => number,
  [low, high]: readonly [number, number],
  kept: (level: number) => number = () => 1,
): number => {
  const deviation = volatility * sqrt(timeYears)
  const mean = log(spot) + (rate - yieldRate - volatility ** 2 / 2) * timeYears
  const z = (level: number): number => (log(level) - mean) / deviation
  const [from, to] = [low === 0 ? -14 : z(low), high === Infinity ? 14 + deviation : z(high)]
  // Far out of the money the mass lies within some deviations of the near end.
  const ends = [max(from, -14), min(to, max(14 + deviation, from + 12))] as const
  const value = (x: number): number => {
    const level = exp(mean + deviation * x)
    return density(x) * pay(level) * kept(level)
  }
  const cut = min(max(0, ends[0]), ends[1])
  return exp(-rate * timeYears) * (integral(value, ends[0], cut) + integral(value, cut, ends[1]))
}

/** Relative to the value itself, down to where a double has no more digits of the spot. */
const relativeError = (value: number, expected: number, spot: number): number =>
  abs(value - expected) / max(abs(expected), 1e-13 * spot)

const runs = { numRuns: 60 }
/** Out to five deviations: what anybody lists. */
const options = spotOptions.filter(
  ({ spot, strike, timeYears, volatility }) => abs(log(spot / strike)) < 5 * volatility * sqrt(timeYears),
)
const range = (min: number, max: number) => fc.double({ min, max, noNaN: true })

const moneyOf = ({ optionType, strike }: SpotOptionInputs): readonly [number, number] =>
  optionType === 'call' ? [strike, Infinity] : [0, strike]
const intrinsic =
  ({ optionType, strike }: SpotOptionInputs) =>
  (level: number) =>
    optionType === 'call' ? level - strike : strike - level

describe('closed forms, beside the integral of the payoff over the density, to 1e-9 of themselves', () => {
  test('european options on the spot and on a future', () => {
    fc.assert(
      fc.property(options, inputs => {
        const expected = expectation(inputs, intrinsic(inputs), moneyOf(inputs))
        expect(relativeError(answered(blackScholesMerton(inputs)), expected, inputs.spot)).toBeLessThan(1e-9)
        const onFuture = { ...inputs, yieldRate: inputs.rate }
        const { spot: forward, yieldRate: _, ...future } = onFuture
        const value = answered(black76({ ...future, forward }))
        expect(relativeError(value, expectation(onFuture, intrinsic(inputs), moneyOf(inputs)), forward)).toBeLessThan(
          1e-9,
        )
        // And beside the formula by another normal distribution, where differences leave it digits.
        const textbook = textbookBlack76({ ...future, forward })
        if (textbook > 1e-5 * forward) expect(relativeError(value, textbook, forward)).toBeLessThan(1e-9)
      }),
      runs,
    )
  })

  test('european options under the normal model', () => {
    fc.assert(
      fc.property(options, range(-4, 4), ({ spot: _spot, yieldRate: _, ...inputs }, deviations) => {
        const volatility = inputs.volatility * 3
        const deviation = volatility * sqrt(inputs.timeYears)
        const forward = inputs.strike + deviations * deviation
        const sign = inputs.optionType === 'call' ? 1 : -1
        const from = -sign * deviations
        const paid = (z: number): number => density(z) * (sign * (forward - inputs.strike) + deviation * z)
        const expected = exp(-inputs.rate * inputs.timeYears) * integral(paid, from, max(from, 0) + 12)
        expect(
          relativeError(answered(bachelier({ ...inputs, volatility, forward })), expected, deviation),
        ).toBeLessThan(1e-9)
      }),
      runs,
    )
  })

  test('digitals', () => {
    fc.assert(
      fc.property(options, inputs => {
        const money = moneyOf(inputs)
        const cash = expectation(inputs, () => 3, money)
        expect(relativeError(answered(cashOrNothing(inputs, 3)), cash, 1)).toBeLessThan(1e-9)
        const asset = expectation(inputs, level => level, money)
        expect(relativeError(answered(assetOrNothing(inputs)), asset, inputs.spot)).toBeLessThan(1e-9)
        const gap = expectation(inputs, intrinsic({ ...inputs, strike: inputs.strike * 0.9 }), money)
        const parts = abs(asset) + abs(cash * inputs.strike)
        expect(abs(answered(gapOption(inputs, inputs.strike * 0.9)) - gap) / parts).toBeLessThan(1e-9)
      }),
      runs,
    )
  })

  test('barriers, knocked out and in, with and without cash', () => {
    fc.assert(
      fc.property(options, fc.constantFrom(...barrierTypes), range(0.02, 1.5), (inputs, barrierType, away) => {
        const side = barrierType.startsWith('down') ? -1 : 1
        const deviation = inputs.volatility * sqrt(inputs.timeYears)
        const barrier = inputs.spot * exp(side * away * deviation)
        // The share of the paths to a level that never touched on their way: a Brownian bridge's.
        const alive = (level: number): number => {
          if (side * log(level / barrier) >= 0) return 0
          return -expm1((-2 * log(barrier / inputs.spot) * log(barrier / level)) / deviation ** 2)
        }
        const touched = (level: number): number => 1 - alive(level)
        const [low, high] = moneyOf(inputs)
        const inside = side === -1 ? ([max(low, barrier), high] as const) : ([low, min(high, barrier)] as const)
        const beyond = side === -1 ? ([low, min(high, barrier)] as const) : ([max(low, barrier), high] as const)
        const isOut = barrierType.endsWith('out')
        const both = (pay: (level: number) => number): number =>
          isOut
            ? expectation(inputs, pay, inside, alive)
            : expectation(inputs, pay, beyond) + expectation(inputs, pay, inside, touched)
        const terms = { ...inputs, barrierType, barrier }
        // What is left of an option whose barrier is near has the digits of the option less those of what is lost.
        const larger = max(inputs.spot, inputs.strike)
        const value = answered(barrierOption({ ...terms, rebate: 0 }))
        expect(relativeError(value, both(intrinsic(inputs)), 2e7 * larger)).toBeLessThan(1e-9)
        expect(
          relativeError(
            answered(binaryBarrierOption({ ...terms, pays: 3 })),
            both(() => 3),
            6e7,
          ),
        ).toBeLessThan(1e-9)
      }),
      { numRuns: 200 },
    )
  })
})

describe('american options', () => {
  test('are within 1e-5 of the spot of a fine lattice, everywhere', () => {
    fc.assert(
      fc.property(options, inputs => {
        if (min(inputs.rate, inputs.yieldRate) < 0) return
        const price = answered(american(inputs))
        const error = (steps: number) => abs(price - fineAmerican(inputs, steps)) / inputs.spot
        // A lattice of 1,600 steps is itself more than 1e-5 off where the strike is twice the spot.
        const coarse = error(1_600)
        expect(coarse < 5e-6 ? coarse : error(6_400)).toBeLessThan(1e-5)
      }),
      { numRuns: 15 },
    )
  })

  test('rise with the spot (a call), with volatility, and are convex in the strike', () => {
    fc.assert(
      fc.property(options, inputs => {
        if (min(inputs.rate, inputs.yieldRate) < 0) return
        const at = (change: Partial<SpotOptionInputs>) => answered(american({ ...inputs, ...change }))
        const slack = 2e-6 * max(inputs.spot, inputs.strike)
        const price = at({})
        const sign = inputs.optionType === 'call' ? 1 : -1
        expect(sign * (at({ spot: inputs.spot * 1.05 }) - price)).toBeGreaterThanOrEqual(-slack)
        expect(at({ volatility: inputs.volatility * 1.05 })).toBeGreaterThanOrEqual(price - slack)
        const [below, above] = [at({ strike: inputs.strike * 0.95 }), at({ strike: inputs.strike * 1.05 })]
        expect(below + above - 2 * price).toBeGreaterThanOrEqual(-4 * slack)
      }),
      runs,
    )
  })
})

describe('implied volatility', () => {
  test('comes back to 1e-10 wherever the price tells it so well, and is refused by name where it does not tell it', () => {
    let [told, refusedCount] = [0, 0]
    fc.assert(
      fc.property(options, range(0.005, 6), ({ spot: forward, yieldRate: _, ...terms }, volatility) => {
        const price = answered(black76({ ...terms, forward, volatility }))
        const discountFactor = exp(-terms.rate * terms.timeYears)
        const answer = impliedVolatility({ ...terms, forward, discountFactor, price })
        const deviation = volatility * sqrt(terms.timeYears)
        const d1 = log(forward / terms.strike) / deviation + deviation / 2
        const vega = discountFactor * forward * density(d1) * sqrt(terms.timeYears)
        // A price that is right to some of its last digits, and what of it is not intrinsic.
        const rounding = 8 * Number.EPSILON * (price + forward * seriesNormalCdf(-abs(d1))) + 1e4 * Number.MIN_VALUE
        const uncertainty = rounding / (vega * volatility)
        if (uncertainty < 1e-11) {
          told += 1
          expect(abs(answered(answer) / volatility - 1)).toBeLessThan(1e-10)
        }
        if (answer.priced) return
        refusedCount += 1
        expect(['volatility-not-determined', 'price-above-bound', 'price-below-intrinsic']).toContain(answer.code)
        expect(answer.field).toBe('price')
        expect(uncertainty).toBeGreaterThan(1e-9)
      }),
      {
        numRuns: 1_000,
        // Priced in the money by itself, it lost what tells its volatility.
        examples: [
          [
            {
              optionType: 'call',
              spot: 9.99787826035415,
              strike: 9.959385460798442,
              timeYears: 0.05,
              volatility: 0.1,
              rate: 0,
              yieldRate: 0,
            },
            0.005,
          ],
        ],
      },
    )
    expect(told).toBeGreaterThan(300)
    expect(refusedCount).toBeGreaterThan(0)
  })
})

describe('homogeneity and monotony of what depends on paths', () => {
  test('prices scale with prices; a barrier farther away knocks out less; a longer look back pays more', () => {
    fc.assert(
      fc.property(options, range(0.05, 1), (inputs, away) => {
        const scaled = { ...inputs, spot: 3 * inputs.spot, strike: 3 * inputs.strike }
        const at = (terms: SpotOptionInputs, barrier: number) =>
          answered(barrierOption({ ...terms, barrierType: 'down-out', barrier, rebate: 0 }))
        const barrier = inputs.spot * exp(-away)
        expect(abs(at(scaled, 3 * barrier) - 3 * at(inputs, barrier))).toBeLessThan(1e-11 * inputs.spot)
        expect(at(inputs, barrier * 0.9)).toBeGreaterThanOrEqual(at(inputs, barrier) - 1e-12 * inputs.spot)
        const extreme = inputs.optionType === 'call' ? inputs.spot * 0.95 : inputs.spot * 1.05
        const floating = answered(floatingLookback(inputs, inputs.spot))
        expect(answered(floatingLookback(inputs, extreme))).toBeGreaterThanOrEqual(floating - 1e-9 * inputs.spot)
        expect(abs(answered(floatingLookback(scaled, 3 * inputs.spot)) - 3 * floating)).toBeLessThan(1e-9 * inputs.spot)
        const fixed = answered(fixedLookback(inputs, inputs.spot))
        expect(
          answered(fixedLookback({ ...inputs, timeYears: inputs.timeYears * 1.1 }, inputs.spot)),
        ).toBeGreaterThanOrEqual(fixed * exp(-0.1 * inputs.timeYears * max(inputs.rate, 0)) - 1e-9)
      }),
      runs,
    )
  })
})
