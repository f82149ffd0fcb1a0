import { lognormalOption, type OptionType, optionTypes, signOf } from './european.ts'
import {
  choice,
  correlationLimit,
  positivePrice,
  rateLimit,
  signedPrice,
  timeLimit,
  volatilityLimit,
} from './input-limits.ts'
import { bivariateNormalCdf, normalCdf, normalDensity } from './normal.ts'
import { finitePrice, type Priced, type Refused, refused } from './priced.ts'
import { integrate } from './quadrature.ts'

const { abs, exp, log, max, sqrt } = Math

/** What is common to two underlyings of one option. */
interface PairInputs {
  readonly timeYears: number
  readonly volatility1: number
  readonly volatility2: number
  readonly correlation: number
  readonly rate: number
}

const pairLimits = (inputs: PairInputs): Refused | undefined =>
  timeLimit('timeYears', inputs.timeYears) ??
  volatilityLimit('volatility1', inputs.volatility1) ??
  volatilityLimit('volatility2', inputs.volatility2) ??
  correlationLimit('correlation', inputs.correlation) ??
  rateLimit('rate', inputs.rate)

/** Pays max(±(first − second − strike), 0) of two futures; strike of any sign. */
export interface SpreadInputs extends PairInputs {
  readonly optionType: OptionType
  readonly forward1: number
  readonly forward2: number
  readonly strike: number
}

const spreadLimits = (inputs: SpreadInputs): Refused | undefined =>
  choice('optionType', inputs.optionType, optionTypes) ??
  positivePrice('forward1', inputs.forward1) ??
  positivePrice('forward2', inputs.forward2) ??
  signedPrice('strike', inputs.strike) ??
  pairLimits(inputs)

/** Volatility of the ratio of two lognormals. */
const ratioVolatility = (volatility1: number, volatility2: number, correlation: number): number =>
  sqrt(max(volatility1 ** 2 - 2 * correlation * volatility1 * volatility2 + volatility2 ** 2, 0))

/** E. Kirk, "Correlation in the energy markets" (1995): an approximation, for strikes above −forward2. */
export const kirkSpread = (inputs: SpreadInputs): Priced<number> => {
  const refusal = spreadLimits(inputs)
  if (refusal !== undefined) return refusal
  const { forward1, forward2, strike, timeYears } = inputs
  const denominator = forward2 + strike
  if (denominator <= 0) return refused('out-of-range', 'strike')
  const volatility = ratioVolatility(
    inputs.volatility1,
    (inputs.volatility2 * forward2) / denominator,
    inputs.correlation,
  )
  const discount = exp(-inputs.rate * timeYears)
  const sign = signOf(inputs.optionType)
  return finitePrice(discount * lognormalOption(sign, forward1, denominator, volatility * sqrt(timeYears)))
}

/**
 * The exact value under correlated lognormals, by quadrature: given the second future the first is lognormal, so the
 * inner expectation is Black's formula (Pearson, "An efficient approach for pricing spread options", J. Derivatives 3,
 * 1995). Absolute error below 1e-10 of the larger forward.
 */
export const spreadOption = (inputs: SpreadInputs): Priced<number> => {
  const refusal = spreadLimits(inputs)
  if (refusal !== undefined) return refusal
  const { forward1, forward2, strike, timeYears, correlation } = inputs
  const sign = signOf(inputs.optionType)
  const root = sqrt(timeYears)
  const [deviation1, deviation2] = [inputs.volatility1 * root, inputs.volatility2 * root]
  const shared = correlation * deviation1
  const own = deviation1 * sqrt(1 - correlation ** 2)
  const given = (z: number): number => {
    const first = forward1 * exp(shared * z - (shared * shared) / 2)
    const second = forward2 * exp(deviation2 * z - (deviation2 * deviation2) / 2)
    return normalDensity(z) * lognormalOption(sign, first, second + strike, own)
  }
  const reach = 9
  const [low, high] = [-reach + Math.min(shared, 0), reach + max(shared, deviation2)]
  const tolerance = 1e-11 * max(forward1, forward2, abs(strike))
  // Where second + strike crosses zero the integrand has a kink.
  const kink = strike < 0 ? log(-strike / forward2) / deviation2 + deviation2 / 2 : low
  const value =
    kink > low && kink < high
      ? integrate(given, low, kink, tolerance) + integrate(given, kink, high, tolerance)
      : integrate(given, low, high, tolerance)
  return finitePrice(exp(-inputs.rate * timeYears) * value)
}

export interface TwoSpotInputs extends PairInputs {
  readonly spot1: number
  readonly spot2: number
  readonly yieldRate1: number
  readonly yieldRate2: number
}

const twoSpotLimits = (inputs: TwoSpotInputs): Refused | undefined =>
  positivePrice('spot1', inputs.spot1) ??
  positivePrice('spot2', inputs.spot2) ??
  rateLimit('yieldRate1', inputs.yieldRate1) ??
  rateLimit('yieldRate2', inputs.yieldRate2) ??
  pairLimits(inputs)

const exchangeValue = (inputs: TwoSpotInputs): number => {
  const { spot1, spot2, yieldRate1, yieldRate2, timeYears } = inputs
  const volatility = ratioVolatility(inputs.volatility1, inputs.volatility2, inputs.correlation)
  const [held1, held2] = [spot1 * exp(-yieldRate1 * timeYears), spot2 * exp(-yieldRate2 * timeYears)]
  return lognormalOption(1, held1, held2, volatility * sqrt(timeYears))
}

/**
 * The right to receive `quantity1` of the first for `quantity2` of the second at expiry. W. Margrabe, "The value of an
 * option to exchange one asset for another", J. Finance 33 (1978). The rate does not enter the price.
 */
export const exchangeOption = (inputs: TwoSpotInputs, quantity1 = 1, quantity2 = 1): Priced<number> =>
  twoSpotLimits(inputs) ??
  positivePrice('quantity1', quantity1) ??
  positivePrice('quantity2', quantity2) ??
  finitePrice(exchangeValue({ ...inputs, spot1: inputs.spot1 * quantity1, spot2: inputs.spot2 * quantity2 }))

export interface RainbowInputs extends TwoSpotInputs {
  readonly optionType: OptionType
  readonly strike: number
  readonly on: 'minimum' | 'maximum'
}

/** An option on the cheaper or dearer of two. R. Stulz, "Options on the minimum or the maximum of two risky assets" (1982). */
export const rainbowOption = (inputs: RainbowInputs): Priced<number> => {
  const refusal =
    choice('optionType', inputs.optionType, optionTypes) ??
    positivePrice('strike', inputs.strike) ??
    choice('on', inputs.on, ['minimum', 'maximum']) ??
    twoSpotLimits(inputs)
  if (refusal !== undefined) return refusal
  const { spot1, spot2, yieldRate1, yieldRate2, timeYears, volatility1, volatility2, correlation, strike, rate } =
    inputs
  const root = sqrt(timeYears)
  const [deviation1, deviation2] = [volatility1 * root, volatility2 * root]
  const deviation = ratioVolatility(volatility1, volatility2, correlation) * root
  const discount = exp(-rate * timeYears)
  const [held1, held2] = [spot1 * exp(-yieldRate1 * timeYears), spot2 * exp(-yieldRate2 * timeYears)]
  const y1 = log(held1 / (strike * discount)) / deviation1 + deviation1 / 2
  const y2 = log(held2 / (strike * discount)) / deviation2 + deviation2 / 2
  // Two assets that move as one: the one that is dearer now stays so.
  const apart = deviation > 0 ? log(held1 / held2) / deviation + deviation / 2 : held1 >= held2 ? Infinity : -Infinity
  const correlation1 = deviation > 0 ? (deviation1 - correlation * deviation2) / deviation : 0
  const correlation2 = deviation > 0 ? (deviation2 - correlation * deviation1) / deviation : 0
  const side = inputs.on === 'maximum' ? 1 : -1
  const assets =
    held1 * bivariateNormalCdf(y1, side * apart, side * within(correlation1)) +
    held2 * bivariateNormalCdf(y2, side * (deviation - apart), side * within(correlation2))
  const exercised =
    side === -1
      ? bivariateNormalCdf(y1 - deviation1, y2 - deviation2, correlation)
      : 1 - bivariateNormalCdf(deviation1 - y1, deviation2 - y2, correlation)
  const call = max(assets - strike * discount * exercised, 0)
  if (inputs.optionType === 'call') return finitePrice(call)
  const extreme = held1 * normalCdf(side * apart) + held2 * normalCdf(side * (deviation - apart))
  return finitePrice(max(call - extreme + strike * discount, 0))
}

const within = (correlation: number): number => (correlation > 1 ? 1 : Math.max(correlation, -1))
