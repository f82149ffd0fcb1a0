import { finiteGreeks, type Greeks, vanishing } from './black76.ts'
import { type FutureOptionInputs, futureOptionLimits, signOf } from './european.ts'
import { positivePrice, signedPrice } from './input-limits.ts'
import { normalCdf, normalDensity } from './normal.ts'
import { finitePrice, type Priced, type Refused } from './priced.ts'

const { exp, sqrt } = Math

/** Prices of any sign and `volatility` in price units per √year: for spreads and bases. */
const limits = (inputs: FutureOptionInputs): Refused | undefined =>
  futureOptionLimits(inputs, signedPrice, positivePrice)

/** European option under the normal model. L. Bachelier, Théorie de la spéculation (1900); Haug (2007), § 1.3.1. */
export const bachelier = (inputs: FutureOptionInputs): Priced<number> => {
  const answer = bachelierGreeks(inputs)
  return answer.priced ? finitePrice(answer.value.price) : answer
}

/** Price and greeks, the forward held fixed under `rho` and `theta`. */
export const bachelierGreeks = (inputs: FutureOptionInputs): Priced<Greeks> => {
  const refusal = limits(inputs)
  if (refusal !== undefined) return refusal
  const { forward, strike, timeYears, volatility, rate } = inputs
  const sign = signOf(inputs.optionType)
  const root = sqrt(timeYears)
  const deviation = volatility * root
  const discount = exp(-rate * timeYears)
  const d = (forward - strike) / deviation
  const density = normalDensity(d)
  const within = normalCdf(sign * d)
  const value = sign * (forward - strike) * within + deviation * density
  const price = discount * Math.max(value, 0)
  const vega = discount * root * density
  return finiteGreeks({
    price,
    delta: discount * sign * within,
    gamma: vanishing(density, (discount * density) / deviation),
    vega,
    theta: rate * price - (vega * volatility) / (2 * timeYears),
    rho: -timeYears * price,
    vanna: vanishing(density, (-discount * density * d) / volatility),
    volga: vanishing(density, (vega * d * d) / volatility),
  })
}
