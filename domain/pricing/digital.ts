import { type SpotOptionInputs, spotOptionLimits } from './black-scholes-merton.ts'
import { signOf } from './european.ts'
import { nonNegativePrice, positivePrice } from './input-limits.ts'
import { normalCdf } from './normal.ts'
import { finitePrice, type Priced } from './priced.ts'

const { exp, log, sqrt } = Math

/** d₂ towards the money: Φ of it is the probability to end there, Φ of d₁, which lies the deviation nearer, the index's share. */
const towardsMoney = (inputs: SpotOptionInputs): readonly [d2: number, deviation: number] => {
  const { spot, strike, timeYears, volatility, rate, yieldRate } = inputs
  const sign = signOf(inputs.optionType)
  const deviation = volatility * sqrt(timeYears)
  const d2 = (log(spot / strike) + (rate - yieldRate) * timeYears) / deviation - deviation / 2
  return [sign * d2, sign * deviation]
}

/** Discounted value of 1, paid where the option is in the money. */
const cashLeg = (inputs: SpotOptionInputs): number =>
  exp(-inputs.rate * inputs.timeYears) * normalCdf(towardsMoney(inputs)[0])

/** The same of the index. */
const assetLeg = (inputs: SpotOptionInputs): number => {
  const [d2, deviation] = towardsMoney(inputs)
  return inputs.spot * exp(-inputs.yieldRate * inputs.timeYears) * normalCdf(d2 + deviation)
}

/** Pays `cash` at expiry if in the money. Reiner and Rubinstein, "Unscrambling the binary code", Risk 4 (1991). */
export const cashOrNothing = (inputs: SpotOptionInputs, cash: number): Priced<number> =>
  spotOptionLimits(inputs) ?? nonNegativePrice('cash', cash) ?? finitePrice(cash * cashLeg(inputs))

/** Pays the index at expiry if in the money. Cox and Rubinstein, Options Markets (1985). */
export const assetOrNothing = (inputs: SpotOptionInputs): Priced<number> =>
  spotOptionLimits(inputs) ?? finitePrice(assetLeg(inputs))

/**
 * Pays ±(index − payoffStrike) where the index ends beyond `strike`; may be negative. Reiner and Rubinstein (1991).
 */
export const gapOption = (inputs: SpotOptionInputs, payoffStrike: number): Priced<number> => {
  const refusal = spotOptionLimits(inputs) ?? positivePrice('payoffStrike', payoffStrike)
  if (refusal !== undefined) return refusal
  const [cash, asset] = [cashLeg(inputs), assetLeg(inputs)]
  return finitePrice(inputs.optionType === 'call' ? asset - payoffStrike * cash : payoffStrike * cash - asset)
}
