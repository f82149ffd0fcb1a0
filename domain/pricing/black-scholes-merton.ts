import { finiteGreeks, type Greeks, vanishing } from './black76.ts'
import { lognormalOption, type OptionType, optionTypes, signOf } from './european.ts'
import { choice, positivePrice, rateLimit, timeLimit, volatilityLimit } from './input-limits.ts'
import { normalCdf, normalDensity } from './normal.ts'
import { finitePrice, type Priced, type Refused } from './priced.ts'

const { exp, log, sqrt } = Math

/** An option on a spot index; `yieldRate` is the continuous yield of holding it (storage costs are negative). */
export interface SpotOptionInputs {
  readonly optionType: OptionType
  readonly spot: number
  readonly strike: number
  readonly timeYears: number
  readonly volatility: number
  readonly rate: number
  readonly yieldRate: number
}

export interface SpotGreeks extends Greeks {
  /** ∂price/∂yieldRate. */
  readonly yieldRho: number
}

export const spotOptionLimits = (inputs: SpotOptionInputs): Refused | undefined =>
  choice('optionType', inputs.optionType, optionTypes) ??
  positivePrice('spot', inputs.spot) ??
  positivePrice('strike', inputs.strike) ??
  timeLimit('timeYears', inputs.timeYears) ??
  volatilityLimit('volatility', inputs.volatility) ??
  rateLimit('rate', inputs.rate) ??
  rateLimit('yieldRate', inputs.yieldRate)

/** The price without checks, for the formulas that contain it. */
export const europeanSpotValue = (inputs: SpotOptionInputs): number => {
  const { spot, strike, timeYears, volatility, rate, yieldRate } = inputs
  const forward = spot * exp((rate - yieldRate) * timeYears)
  return (
    exp(-rate * timeYears) * lognormalOption(signOf(inputs.optionType), forward, strike, volatility * sqrt(timeYears))
  )
}

/**
 * European option on the spot. F. Black and M. Scholes, J. Political Economy 81 (1973); R. Merton, "Theory of rational
 * option pricing", Bell Journal 4 (1973).
 */
export const blackScholesMerton = (inputs: SpotOptionInputs): Priced<number> =>
  spotOptionLimits(inputs) ?? finitePrice(europeanSpotValue(inputs))

/** Price and greeks by the spot. Haug, Option Pricing Formulas (2007), ch. 2. */
export const blackScholesMertonGreeks = (inputs: SpotOptionInputs): Priced<SpotGreeks> => {
  const refusal = spotOptionLimits(inputs)
  if (refusal !== undefined) return refusal
  const { spot, strike, timeYears, volatility, rate, yieldRate } = inputs
  const sign = signOf(inputs.optionType)
  const root = sqrt(timeYears)
  const deviation = volatility * root
  const carried = exp(-yieldRate * timeYears)
  const discount = exp(-rate * timeYears)
  const d1 = (log(spot / strike) + (rate - yieldRate) * timeYears) / deviation + deviation / 2
  const d2 = d1 - deviation
  const density = normalDensity(d1)
  const assetLeg = sign * spot * carried * normalCdf(sign * d1)
  const cashLeg = sign * strike * discount * normalCdf(sign * d2)
  const price = assetLeg > cashLeg ? assetLeg - cashLeg : 0
  const vega = spot * carried * density * root
  return finiteGreeks({
    price,
    delta: assetLeg / spot,
    gamma: vanishing(density, (carried * density) / (spot * deviation)),
    vega,
    theta: yieldRate * assetLeg - rate * cashLeg - (vega * volatility) / (2 * timeYears),
    rho: timeYears * cashLeg,
    yieldRho: -timeYears * assetLeg,
    vanna: vanishing(density, (-carried * density * d2) / volatility),
    volga: vanishing(density, (vega * d1 * d2) / volatility),
  })
}
