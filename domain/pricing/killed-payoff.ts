import type { SpotOptionInputs } from './black-scholes-merton.ts'
import { lognormalInterval, type OptionType } from './european.ts'

const { ceil, exp, log, max, min, sqrt } = Math

/** A payoff `cash + asset × index` on low < index < high, nothing elsewhere. */
export interface IntervalPayoff {
  readonly cash: number
  readonly asset: number
  readonly low: number
  readonly high: number
}

export const vanillaPayoff = (optionType: OptionType, strike: number): IntervalPayoff =>
  optionType === 'call'
    ? { cash: -strike, asset: 1, low: strike, high: Infinity }
    : { cash: strike, asset: -1, low: 0, high: strike }

type Market = Omit<SpotOptionInputs, 'optionType' | 'strike'>

/** Undiscounted expectation of the payoff, of a path that starts at `start` instead of the spot, times its image weight. */
const image = (market: Market, payoff: IntervalPayoff, start: number): number => {
  const { spot, timeYears, volatility, rate, yieldRate } = market
  const drift = rate - yieldRate
  const deviation = volatility * sqrt(timeYears)
  const [probability, mean] = lognormalInterval(start * exp(drift * timeYears), deviation, payoff.low, payoff.high)
  const value = payoff.cash * probability + payoff.asset * mean
  return value === 0 ? 0 : exp((drift / volatility ** 2 - 0.5) * log(start / spot)) * value
}

/**
 * Discounted value of a payoff at expiry that is lost when the index leaves (lower, upper) before; lower may be 0, upper
 * Infinity. Method of images for the killed density: Karatzas and Shreve, Brownian Motion and Stochastic Calculus, § 2.8;
 * for options Reiner and Rubinstein, "Breaking down the barriers", Risk 4 (1991), and Kunitomo and Ikeda, "Pricing options
 * with curved boundaries", Mathematical Finance 2 (1992). The spot must lie inside.
 */
export const killedPayoff = (market: Market, payoff: IntervalPayoff, lower: number, upper: number): number => {
  const { spot, timeYears, volatility, rate } = market
  const inside = { ...payoff, low: max(payoff.low, lower), high: min(payoff.high, upper) }
  const discount = exp(-rate * timeYears)
  if (lower === 0 && upper === Infinity) return discount * image(market, inside, spot)
  if (upper === Infinity) return discount * (image(market, inside, spot) - image(market, inside, lower ** 2 / spot))
  if (lower === 0) return discount * (image(market, inside, spot) - image(market, inside, upper ** 2 / spot))
  const width = log(upper / lower)
  const widths = (volatility * sqrt(timeYears)) / width
  // Survival falls as exp(−π²/2 × widths²): beyond ten nothing is left that a double could hold beside a price.
  if (widths > 10) return 0
  const images = ceil(6 * widths) + 2
  let sum = 0
  for (let n = -images; n <= images; n++) {
    const shift = exp(2 * n * width)
    sum += image(market, inside, spot * shift) - image(market, inside, (lower ** 2 / spot) * shift)
  }
  return discount * max(sum, 0)
}
