import { type OptionType, optionTypes, signOf } from './european.ts'
import { choice, nonNegativePrice, positivePrice, timeLimit } from './input-limits.ts'
import { normalCdf, normalDensity } from './normal.ts'
import { type Priced, priced, refused } from './priced.ts'

const { abs, exp, log, max, sqrt } = Math

export interface ImpliedVolatilityInputs {
  readonly optionType: OptionType
  readonly forward: number
  readonly strike: number
  readonly timeYears: number
  readonly discountFactor: number
  /** Discounted, in the unit of the forward. */
  readonly price: number
}

const mostIterations = 64
/** A volatility whose relative error, from the rounding of the price alone, exceeds this is refused. */
const largestUncertainty = 1e-6

/**
 * The Black-76 volatility of a price. As in P. Jäckel, "By implication", Wilmott 2006, and "Let's be rational", Wilmott
 * 2015: the out-of-the-money side by parity, normalised by √(forward × strike), and Newton from the inflection of the
 * price in volatility on a transformed price that is nearly linear (its logarithm in 1/s² below the inflection, that of
 * its distance to the bound in s² far above); here each step that leaves the bracket is bisected, so it always ends.
 * A price at intrinsic value has volatility 0. Refused: below intrinsic, at or above the bound (forward or strike,
 * discounted), and where the rounding of the price alone moves the volatility by more than 1e-6 of itself.
 */
export const impliedVolatility = (inputs: ImpliedVolatilityInputs): Priced<number> => {
  const { optionType, forward, strike, timeYears, discountFactor, price } = inputs
  const refusal =
    choice('optionType', optionType, optionTypes) ??
    positivePrice('forward', forward) ??
    positivePrice('strike', strike) ??
    timeLimit('timeYears', timeYears) ??
    positivePrice('discountFactor', discountFactor) ??
    nonNegativePrice('price', price)
  if (refusal !== undefined) return refusal
  const undiscounted = price / discountFactor
  const intrinsic = max(signOf(optionType) * (forward - strike), 0)
  const resolution = Number.EPSILON * (undiscounted + intrinsic)
  const timeValue = undiscounted - intrinsic
  if (timeValue < -resolution) return refused('price-below-intrinsic', 'price')
  if (undiscounted >= (optionType === 'call' ? forward : strike)) return refused('price-above-bound', 'price')
  if (timeValue <= resolution) {
    return intrinsic > 0 ? priced(0) : refused('volatility-not-determined', 'price')
  }
  const scale = sqrt(forward * strike)
  const moneyness = abs(log(forward / strike))
  const deviation = solve(moneyness, timeValue / scale)
  if (deviation === undefined) return refused('no-convergence', 'price')
  const uncertainty = resolution / (scale * slope(moneyness, deviation) * deviation)
  if (!(uncertainty <= largestUncertainty)) return refused('volatility-not-determined', 'price')
  return priced(deviation / sqrt(timeYears))
}

/** Normalised value of the out-of-the-money option, x = |ln(forward/strike)|, s = σ√T. */
const value = (x: number, s: number): number =>
  exp(-x / 2) * normalCdf(s / 2 - x / s) - exp(x / 2) * normalCdf(-s / 2 - x / s)

/** What is missing to its bound exp(−x/2). */
const shortfall = (x: number, s: number): number =>
  exp(-x / 2) * normalCdf(x / s - s / 2) + exp(x / 2) * normalCdf(-s / 2 - x / s)

const slope = (x: number, s: number): number => exp(-x / 2) * normalDensity(s / 2 - x / s)

/** s with value(x, s) = target, 0 < target < exp(−x/2). */
const solve = (x: number, target: number): number | undefined => {
  const bound = exp(-x / 2)
  const inflection = sqrt(2 * x)
  const below = target < value(x, max(inflection, 1e-300))
  const farAbove = !below && target > bound / 2
  let [low, high] = below ? [0, inflection] : [inflection, Infinity]
  let s = below ? inflection : max(inflection, (target * 2.5066) / bound)
  for (let iteration = 0; iteration < mostIterations; iteration++) {
    const current = value(x, s)
    if (current === target) return s
    if (current < target) low = max(low, s)
    else high = s
    const next = newton(x, s, target, current, below, farAbove, bound)
    const step = next > low && next < high ? next : high === Infinity ? 2 * s : (low + high) / 2
    if (abs(step - s) <= 2e-16 * s || (high < Infinity && high - low <= 2e-16 * high)) return step
    // Rounding noise: the last digits of the price no longer order the volatilities.
    if (abs(step - s) <= 1e-14 * s && iteration > 8) return step
    s = step
  }
  return undefined
}

const newton = (
  x: number,
  s: number,
  target: number,
  current: number,
  below: boolean,
  farAbove: boolean,
  bound: number,
): number => {
  const steepness = slope(x, s)
  if (below) {
    // ln value against 1/s².
    const inverse = 1 / (s * s) + (2 * log(current / target) * current) / (steepness * s ** 3)
    return inverse > 0 ? 1 / sqrt(inverse) : Number.NaN
  }
  if (farAbove) {
    const missing = shortfall(x, s)
    const square = s * s + (2 * s * missing * log(missing / (bound - target))) / steepness
    return square > 0 ? sqrt(square) : Number.NaN
  }
  return s + (target - current) / steepness
}
