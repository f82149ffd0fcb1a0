import { lognormalOption, type OptionType, optionTypes, signOf } from './european.ts'
import { choice, nonNegativePrice, positivePrice, rateLimit, timeLimit, volatilityLimit } from './input-limits.ts'
import { finitePrice, type Priced, refused } from './priced.ts'

const { exp, sqrt } = Math

export interface ForwardStartInputs {
  readonly optionType: OptionType
  readonly spot: number
  /** The strike will be set to this multiple of the index at `startYears`. */
  readonly moneyness: number
  readonly startYears: number
  readonly timeYears: number
  readonly volatility: number
  readonly rate: number
  readonly yieldRate: number
}

/** M. Rubinstein, "Pay now, choose later", Risk 4 (1991). */
export const forwardStartOption = (inputs: ForwardStartInputs): Priced<number> => {
  const { spot, moneyness, startYears, timeYears, volatility, rate, yieldRate } = inputs
  const refusal =
    choice('optionType', inputs.optionType, optionTypes) ??
    positivePrice('spot', spot) ??
    positivePrice('moneyness', moneyness) ??
    nonNegativePrice('startYears', startYears) ??
    timeLimit('timeYears', timeYears) ??
    volatilityLimit('volatility', volatility) ??
    rateLimit('rate', rate) ??
    rateLimit('yieldRate', yieldRate) ??
    (startYears < timeYears ? undefined : refused('not-ascending', 'timeYears'))
  if (refusal !== undefined) return refusal
  const lifeYears = timeYears - startYears
  const growth = exp((rate - yieldRate) * lifeYears)
  const perUnit = lognormalOption(signOf(inputs.optionType), growth, moneyness, volatility * sqrt(lifeYears))
  return finitePrice(spot * exp(-yieldRate * startYears - rate * lifeYears) * perUnit)
}
