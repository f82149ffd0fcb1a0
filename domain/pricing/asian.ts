import { type SpotOptionInputs, spotOptionLimits } from './black-scholes-merton.ts'
import { lognormalOption, signOf } from './european.ts'
import { ascending, nonNegativePrice, timeLimit, volatilityLimit, wholeNumber } from './input-limits.ts'
import { finitePrice, type Priced, type Refused, refused } from './priced.ts'

const { abs, exp, expm1, log, max, sqrt } = Math

/** An option on the average of fixings of an index at dates, some of which may have been made; paid at `timeYears`. */
export interface FixingAverageInputs extends SpotOptionInputs {
  /** Years to the fixings that are still to come, ascending, the first at 0 or later, the last at `timeYears` or before. */
  readonly fixingYears: readonly number[]
  readonly pastFixings?: number
  readonly pastSum?: number
  /** Black volatilities to each fixing instead of `volatility`; total variances that fall are taken as they are. */
  readonly fixingVolatilities?: readonly number[]
}

const mostFixings = 10_000

export const fixingLimits = (inputs: FixingAverageInputs): Refused | undefined => {
  const { fixingYears, timeYears, pastFixings = 0, pastSum = 0, fixingVolatilities } = inputs
  return (
    spotOptionLimits(inputs) ??
    ascending('fixingYears', fixingYears, 1, mostFixings, -Number.MIN_VALUE) ??
    ((fixingYears.at(-1) ?? 0) <= timeYears * (1 + 1e-12) ? undefined : refused('out-of-range', 'fixingYears')) ??
    wholeNumber('pastFixings', pastFixings, 0, mostFixings) ??
    nonNegativePrice('pastSum', pastSum) ??
    (pastFixings > 0 || pastSum === 0 ? undefined : refused('length-mismatch', 'pastSum')) ??
    (fixingVolatilities === undefined ? undefined : volatilitiesLimit(fixingYears, fixingVolatilities))
  )
}

const volatilitiesLimit = (fixingYears: readonly number[], volatilities: readonly number[]): Refused | undefined => {
  if (volatilities.length !== fixingYears.length) return refused('length-mismatch', 'fixingVolatilities')
  for (const volatility of volatilities) {
    const refusal = volatilityLimit('fixingVolatilities', volatility)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/** Kemna and Vorst, "A pricing method for options based on average asset values", J. Banking and Finance 14 (1990). */
export const geometricContinuousAsian = (inputs: SpotOptionInputs): Priced<number> => {
  const refusal = spotOptionLimits(inputs)
  if (refusal !== undefined) return refusal
  const { spot, strike, timeYears, volatility, rate, yieldRate } = inputs
  const deviation = volatility * sqrt(timeYears / 3)
  const drift = (rate - yieldRate - volatility ** 2 / 6) / 2
  const mean = spot * exp(drift * timeYears)
  return finitePrice(exp(-rate * timeYears) * lognormalOption(signOf(inputs.optionType), mean, strike, deviation))
}

/**
 * Geometric average of fixings: its logarithm is normal, so the price is exact. Clewlow and Strickland, Exotic Options
 * (1997), p. 118; past fixings enter by the geometric mean that `pastLogSum` = Σ ln(fixing) tells.
 */
export const geometricAsian = (inputs: Omit<FixingAverageInputs, 'pastSum'>, pastLogSum = 0): Priced<number> => {
  const refusal =
    fixingLimits(inputs) ?? (Number.isFinite(pastLogSum) ? undefined : refused('not-finite', 'pastLogSum'))
  if (refusal !== undefined) return refusal
  const { spot, strike, timeYears, rate, yieldRate, fixingYears, pastFixings = 0 } = inputs
  const total = fixingYears.length + pastFixings
  let [mean, variance] = [pastLogSum, 0]
  // Var Σ ln S_i = Σ_i v_i (1 + 2 × the number of fixings after i), v_i the variance of ln S_i.
  for (const [index, years] of fixingYears.entries()) {
    const own = (inputs.fixingVolatilities?.[index] ?? inputs.volatility) ** 2 * years
    mean += log(spot) + (rate - yieldRate) * years - own / 2
    variance += own * (1 + 2 * (fixingYears.length - 1 - index))
  }
  mean /= total
  variance /= total * total
  const forward = exp(mean + variance / 2)
  return finitePrice(
    exp(-rate * timeYears) * lognormalOption(signOf(inputs.optionType), forward, strike, sqrt(variance)),
  )
}

/** What is left to be averaged once past fixings are taken out: the payoff is `share` × max(±(average − strike), 0). */
export const remainingAverage = (inputs: FixingAverageInputs): { readonly share: number; readonly strike: number } => {
  const ahead = inputs.fixingYears.length
  const total = ahead + (inputs.pastFixings ?? 0)
  return { share: ahead / total, strike: (inputs.strike * total - (inputs.pastSum ?? 0)) / ahead }
}

/**
 * Arithmetic average of fixings by a lognormal with its first two moments: an approximation, good to some 1e-3 of the
 * price at moderate volatility, in microseconds. Turnbull and Wakeman, "A quick algorithm for pricing European average
 * options", JFQA 26 (1991); discrete with a term structure: Haug (2007), § 4.20.3. The moments are summed in one pass.
 */
export const momentMatchedAsian = (inputs: FixingAverageInputs): Priced<number> => {
  const refusal = fixingLimits(inputs)
  if (refusal !== undefined) return refusal
  const { spot, timeYears, rate, yieldRate, fixingYears, fixingVolatilities, volatility } = inputs
  const ahead = fixingYears.length
  // E[(Σ F_i X_i)²] = Σ_i e^{v_i} F_i (F_i + 2 Σ_{j>i} F_j), from the last fixing back.
  let [later, second] = [0, 0]
  for (let i = ahead - 1; i >= 0; i--) {
    const years = fixingYears[i] ?? 0
    const forward = spot * exp((rate - yieldRate) * years)
    const variance = (fixingVolatilities?.[i] ?? volatility) ** 2 * years
    second += exp(variance) * forward * (forward + 2 * later)
    later += forward
  }
  const mean = later / ahead
  const deviation = sqrt(max(log(second / (later * later)), 0))
  const { share, strike } = remainingAverage(inputs)
  const value = lognormalOption(signOf(inputs.optionType), mean, strike, deviation)
  return finitePrice(exp(-rate * timeYears) * share * value)
}

/** (e^x − 1)/x. */
const growth = (x: number): number => (abs(x) < 1e-10 ? 1 + x / 2 : expm1(x) / x)

/** Divided difference of `growth`: its derivative where the two arguments meet. */
const growthSlope = (x: number, y: number): number => {
  if (abs(x - y) > 1e-6) return (growth(x) - growth(y)) / (x - y)
  const middle = (x + y) / 2
  return abs(middle) < 1e-4 ? 0.5 + middle / 3 + middle ** 2 / 8 : (exp(middle) - growth(middle)) / middle
}

export interface ContinuousAverageInputs extends SpotOptionInputs {
  /** The average over the part of `timeYears` that has passed; without meaning where nothing has. */
  readonly averageSoFar: number
  /** Years of averaging that are left; `timeYears` is the whole averaging period here. */
  readonly remainingYears: number
}

/**
 * Arithmetic average observed continuously, by a lognormal with its first two moments. E. Levy, "Pricing European average
 * rate currency options", J. International Money and Finance 11 (1992); Haug (2007), § 4.20.2.
 */
export const levyAsian = (inputs: ContinuousAverageInputs): Priced<number> => {
  const { spot, timeYears, volatility, rate, yieldRate, averageSoFar, remainingYears } = inputs
  const refusal =
    spotOptionLimits(inputs) ??
    timeLimit('remainingYears', remainingYears) ??
    nonNegativePrice('averageSoFar', averageSoFar) ??
    (remainingYears <= timeYears ? undefined : refused('out-of-range', 'remainingYears'))
  if (refusal !== undefined) return refusal
  const drift = (rate - yieldRate) * remainingYears
  const variance = volatility ** 2 * remainingYears
  const mean = spot * growth(drift)
  const second = 2 * spot * spot * growthSlope(2 * drift + variance, drift)
  const share = remainingYears / timeYears
  const strike = (inputs.strike - (1 - share) * averageSoFar) / share
  const deviation = sqrt(max(log(second / (mean * mean)), 0))
  const value = lognormalOption(signOf(inputs.optionType), mean, strike, deviation)
  return finitePrice(exp(-rate * remainingYears) * share * value)
}
