import { type FutureOptionInputs, futureOptionLimits, lognormalOption, signOf } from './european.ts'
import { positivePrice, volatilityLimit } from './input-limits.ts'
import { normalCdf, normalDensity } from './normal.ts'
import { finitePrice, type Priced, priced, type Refused, refused } from './priced.ts'

const { exp, log, sqrt } = Math

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

/** Refused where one of them is no number: at the money without variance a gamma has no limit. */
export const finiteGreeks = <Values extends Greeks>(greeks: Values): Priced<Values> => {
  const { price, delta, gamma, vega, theta, rho, vanna, volga } = greeks
  return Number.isFinite(price + delta + gamma + vega + theta + rho + vanna + volga)
    ? priced(greeks)
    : refused('not-representable', 'value')
}

/** What a density times anything is: where it has vanished, nothing, also where the other factor has no bound. */
export const vanishing = (density: number, product: number): number => (density === 0 ? 0 : product)

/** `volatility` per √year. */
const limits = (inputs: FutureOptionInputs): Refused | undefined =>
  futureOptionLimits(inputs, positivePrice, volatilityLimit)

/** European option on a future. F. Black, "The pricing of commodity contracts", J. Financial Economics 3 (1976). */
export const black76 = (inputs: FutureOptionInputs): Priced<number> => {
  const refusal = limits(inputs)
  if (refusal !== undefined) return refusal
  const { forward, strike, timeYears, volatility, rate } = inputs
  const value = lognormalOption(signOf(inputs.optionType), forward, strike, volatility * sqrt(timeYears))
  return finitePrice(exp(-rate * timeYears) * value)
}

/** Price and greeks, the forward held fixed under `rho` and `theta`. Haug, Option Pricing Formulas (2007), ch. 2. */
export const black76Greeks = (inputs: FutureOptionInputs): Priced<Greeks> => {
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
  return finiteGreeks({
    price,
    delta: discount * sign * within,
    gamma: vanishing(density, (discount * density) / (forward * deviation)),
    vega,
    theta: rate * price - (vega * volatility) / (2 * timeYears),
    rho: -timeYears * price,
    vanna: vanishing(density, (-discount * density * d2) / volatility),
    volga: vanishing(density, (vega * d1 * d2) / volatility),
  })
}
