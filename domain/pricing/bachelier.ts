import type { Greeks } from './black76.ts'
import { type OptionType, optionTypes, signOf } from './european.ts'
import { choice, positivePrice, rateLimit, signedPrice, timeLimit } from './input-limits.ts'
import { normalCdf, normalDensity } from './normal.ts'
import { finitePrice, type Priced, priced, type Refused, refused } from './priced.ts'

const { exp, sqrt } = Math

/** `forward` and `strike` of any sign, `volatility` in price units per √year: for spreads and bases. */
export interface BachelierInputs {
  readonly optionType: OptionType
  readonly forward: number
  readonly strike: number
  readonly timeYears: number
  readonly volatility: number
  readonly rate: number
}

const limits = (inputs: BachelierInputs): Refused | undefined =>
  choice('optionType', inputs.optionType, optionTypes) ??
  signedPrice('forward', inputs.forward) ??
  signedPrice('strike', inputs.strike) ??
  timeLimit('timeYears', inputs.timeYears) ??
  positivePrice('volatility', inputs.volatility) ??
  rateLimit('rate', inputs.rate)

/** European option under the normal model. L. Bachelier, Théorie de la spéculation (1900); Haug (2007), § 1.3.1. */
export const bachelier = (inputs: BachelierInputs): Priced<number> => {
  const answer = bachelierGreeks(inputs)
  return answer.priced ? finitePrice(answer.value.price) : answer
}

/** Price and greeks, the forward held fixed under `rho` and `theta`. */
export const bachelierGreeks = (inputs: BachelierInputs): Priced<Greeks> => {
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
  if (!Number.isFinite(price + vega)) return refused('not-representable', 'value')
  return priced({
    price,
    delta: discount * sign * within,
    gamma: (discount * density) / deviation,
    vega,
    theta: rate * price - (vega * volatility) / (2 * timeYears),
    rho: -timeYears * price,
    vanna: (-discount * density * d) / volatility,
    volga: (vega * d * d) / volatility,
  })
}
