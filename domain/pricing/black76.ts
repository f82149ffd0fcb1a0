import { lognormalOption, type OptionType, optionTypes, signOf } from './european.ts'
import { choice, positivePrice, rateLimit, timeLimit, volatilityLimit } from './input-limits.ts'
import { normalCdf, normalDensity } from './normal.ts'
import { finitePrice, type Priced, priced, type Refused, refused } from './priced.ts'

const { exp, log, sqrt } = Math

/** `forward` and `strike` in the price unit, `rate` continuously compounded per year, `volatility` per √year. */
export interface Black76Inputs {
  readonly optionType: OptionType
  readonly forward: number
  readonly strike: number
  readonly timeYears: number
  readonly volatility: number
  readonly rate: number
}

/**
 * Partial derivatives of the price. `delta`, `gamma` by the forward or spot; `vega` by 1.00 of volatility; `theta` by a
 * year of time passing; `rho` by 1.00 of rate; `vanna` = ∂delta/∂volatility, `volga` = ∂vega/∂volatility.
 */
export interface Greeks {
  readonly price: number
  readonly delta: number
  readonly gamma: number
  readonly vega: number
  readonly theta: number
  readonly rho: number
  readonly vanna: number
  readonly volga: number
}

const limits = (inputs: Black76Inputs): Refused | undefined =>
  choice('optionType', inputs.optionType, optionTypes) ??
  positivePrice('forward', inputs.forward) ??
  positivePrice('strike', inputs.strike) ??
  timeLimit('timeYears', inputs.timeYears) ??
  volatilityLimit('volatility', inputs.volatility) ??
  rateLimit('rate', inputs.rate)

/** European option on a future. F. Black, "The pricing of commodity contracts", J. Financial Economics 3 (1976). */
export const black76 = (inputs: Black76Inputs): Priced<number> => {
  const refusal = limits(inputs)
  if (refusal !== undefined) return refusal
  const { forward, strike, timeYears, volatility, rate } = inputs
  const value = lognormalOption(signOf(inputs.optionType), forward, strike, volatility * sqrt(timeYears))
  return finitePrice(exp(-rate * timeYears) * value)
}

/** Price and greeks, the forward held fixed under `rho` and `theta`. Haug, Option Pricing Formulas (2007), ch. 2. */
export const black76Greeks = (inputs: Black76Inputs): Priced<Greeks> => {
  const refusal = limits(inputs)
  if (refusal !== undefined) return refusal
  const { forward, strike, timeYears, volatility, rate } = inputs
  const sign = signOf(inputs.optionType)
  const root = sqrt(timeYears)
  const deviation = volatility * root
  const discount = exp(-rate * timeYears)
  const d1 = log(forward / strike) / deviation + deviation / 2
  const d2 = d1 - deviation
  const density = normalDensity(d1)
  const within = normalCdf(sign * d1)
  const value = sign * (forward * within - strike * normalCdf(sign * d2))
  const price = discount * Math.max(value, 0)
  const vega = discount * forward * density * root
  if (!Number.isFinite(price + vega)) return refused('not-representable', 'value')
  return priced({
    price,
    delta: discount * sign * within,
    gamma: (discount * density) / (forward * deviation),
    vega,
    theta: rate * price - (vega * volatility) / (2 * timeYears),
    rho: -timeYears * price,
    vanna: (-discount * density * d2) / volatility,
    volga: (vega * d1 * d2) / volatility,
  })
}
