import { type SpotOptionInputs, spotOptionLimits } from './black-scholes-merton.ts'
import { lognormalInterval } from './european.ts'
import { nonNegativePrice, positivePrice } from './input-limits.ts'
import { finitePrice, type Priced } from './priced.ts'

const { exp, sqrt } = Math

/** Discounted values of 1 and of the index, paid where the option is in the money. */
const legs = (inputs: SpotOptionInputs): readonly [cash: number, asset: number] => {
  const { spot, strike, timeYears, volatility, rate, yieldRate } = inputs
  const forward = spot * exp((rate - yieldRate) * timeYears)
  const [low, high] = inputs.optionType === 'call' ? [strike, Infinity] : [0, strike]
  const [probability, mean] = lognormalInterval(forward, volatility * sqrt(timeYears), low, high)
  const discount = exp(-rate * timeYears)
  return [discount * probability, discount * mean]
}

/** Pays `cash` at expiry if in the money. Reiner and Rubinstein, "Unscrambling the binary code", Risk 4 (1991). */
export const cashOrNothing = (inputs: SpotOptionInputs, cash: number): Priced<number> =>
  spotOptionLimits(inputs) ?? nonNegativePrice('cash', cash) ?? finitePrice(cash * legs(inputs)[0])

/** Pays the index at expiry if in the money. Cox and Rubinstein, Options Markets (1985). */
export const assetOrNothing = (inputs: SpotOptionInputs): Priced<number> =>
  spotOptionLimits(inputs) ?? finitePrice(legs(inputs)[1])

/**
 * Pays ±(index − payoffStrike) where the index ends beyond `strike`; may be negative. Reiner and Rubinstein (1991).
 */
export const gapOption = (inputs: SpotOptionInputs, payoffStrike: number): Priced<number> => {
  const refusal = spotOptionLimits(inputs) ?? positivePrice('payoffStrike', payoffStrike)
  if (refusal !== undefined) return refusal
  const [cash, asset] = legs(inputs)
  return finitePrice(inputs.optionType === 'call' ? asset - payoffStrike * cash : payoffStrike * cash - asset)
}
