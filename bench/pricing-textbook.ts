import type { SpotOptionInputs } from '#domain/pricing/black-scholes-merton.ts'
import type { FutureOptionInputs } from '#domain/pricing/european.ts'

const { abs, exp, log, max, PI, sqrt } = Math

/** What a textbook prints: each formula as it stands there, for the ratios of the bench and as a second opinion of tests. */

/** Φ by Marsaglia's series (Journal of Statistical Software 11, 2004): as exact as a double within eight deviations. */
export const seriesNormalCdf = (x: number): number => {
  if (x < -8) return 0
  if (x > 8) return 1
  let [sum, term] = [0, x]
  for (let i = 3; sum + term !== sum; i += 2) {
    sum += term
    term = (term * x * x) / i
  }
  return 0.5 + (sum * exp(-0.5 * x * x)) / sqrt(2 * PI)
}

export const textbookBlack76 = (inputs: FutureOptionInputs): number => {
  const { forward, strike, timeYears, volatility, rate } = inputs
  const d1 = (log(forward / strike) + 0.5 * volatility ** 2 * timeYears) / (volatility * sqrt(timeYears))
  const d2 = d1 - volatility * sqrt(timeYears)
  const sign = inputs.optionType === 'call' ? 1 : -1
  return exp(-rate * timeYears) * sign * (forward * seriesNormalCdf(sign * d1) - strike * seriesNormalCdf(sign * d2))
}

const asFuture = ({ spot, yieldRate, ...rest }: SpotOptionInputs): FutureOptionInputs => ({
  ...rest,
  forward: spot * exp((rest.rate - yieldRate) * rest.timeYears),
})

export const textbookBlackScholes = (inputs: SpotOptionInputs): number => textbookBlack76(asFuture(inputs))

/** Price, delta, gamma, vega, theta and rho by central differences of the price. */
export const textbookGreeks = (inputs: FutureOptionInputs): readonly number[] => {
  const at = (change: Partial<FutureOptionInputs>): number => textbookBlack76({ ...inputs, ...change })
  const { forward, volatility, rate, timeYears } = inputs
  const [price, step] = [at({}), forward * 1e-4]
  const [up, down] = [at({ forward: forward + step }), at({ forward: forward - step })]
  return [
    price,
    (up - down) / (2 * step),
    (up - 2 * price + down) / (step * step),
    (at({ volatility: volatility + 1e-4 }) - at({ volatility: volatility - 1e-4 })) / 2e-4,
    (at({ timeYears: timeYears - 1e-5 }) - at({ timeYears: timeYears + 1e-5 })) / 2e-5,
    (at({ rate: rate + 1e-5 }) - at({ rate: rate - 1e-5 })) / 2e-5,
  ]
}

/** By bisection, to the last digits. */
export const textbookImpliedVolatility = (inputs: Omit<FutureOptionInputs, 'volatility'>, price: number): number => {
  let [low, high] = [0, 10]
  while (high - low > 1e-15 * high) {
    const volatility = (low + high) / 2
    if (volatility === low || volatility === high) break
    if (textbookBlack76({ ...inputs, volatility }) < price) low = volatility
    else high = volatility
  }
  return (low + high) / 2
}

/** Down and out, barrier at or below the strike, without rebate: Merton (1973). */
export const textbookDownOutCall = (inputs: SpotOptionInputs, barrier: number): number => {
  const { spot, volatility, rate, yieldRate } = inputs
  const power = 1 - (2 * (rate - yieldRate)) / volatility ** 2
  const image = textbookBlackScholes({ ...inputs, optionType: 'call', spot: barrier ** 2 / spot })
  return textbookBlackScholes({ ...inputs, optionType: 'call' }) - (spot / barrier) ** power * image
}

/** Pays 1 in the money. */
export const textbookCashOrNothing = ({
  spot,
  strike,
  timeYears,
  volatility,
  rate,
  yieldRate,
}: SpotOptionInputs): number => {
  const deviation = volatility * sqrt(timeYears)
  const d2 = (log(spot / strike) + (rate - yieldRate) * timeYears) / deviation - deviation / 2
  return exp(-rate * timeYears) * seriesNormalCdf(d2)
}

/** Cox, Ross and Rubinstein, "Option pricing: a simplified approach", J. Financial Economics 7 (1979). */
export const binomialAmerican = (inputs: SpotOptionInputs, steps: number): number =>
  lattice(inputs, steps, price => max((inputs.optionType === 'call' ? 1 : -1) * (price - inputs.strike), 0), steps)

/**
 * The same with the European price one step before the end, extrapolated from half the steps: M. Broadie and J. Detemple,
 * "American option valuation", Review of Financial Studies 9 (1996). At thousands of steps good to about 1e-6 of the spot.
 */
export const fineAmerican = (inputs: SpotOptionInputs, steps: number): number => {
  const smoothed = (count: number): number => {
    const years = inputs.timeYears / count
    const sign = inputs.optionType === 'call' ? 1 : -1
    const european = (price: number): number => textbookBlackScholes({ ...inputs, spot: price, timeYears: years })
    return lattice(inputs, count, price => max(european(price), sign * (price - inputs.strike)), count - 1)
  }
  return 2 * smoothed(steps) - smoothed(steps / 2)
}

/** From the values of `lastStep` back to today. */
const lattice = (
  { spot, strike, timeYears, volatility, rate, yieldRate, optionType }: SpotOptionInputs,
  steps: number,
  valueAt: (price: number) => number,
  lastStep: number,
): number => {
  const sign = optionType === 'call' ? 1 : -1
  const years = timeYears / steps
  const up = exp(volatility * sqrt(years))
  const probability = (exp((rate - yieldRate) * years) - 1 / up) / (up - 1 / up)
  const [toUp, toDown] = [exp(-rate * years) * probability, exp(-rate * years) * (1 - probability)]
  const prices = Float64Array.from({ length: 2 * lastStep + 1 }, (_, i) => spot * up ** (i - lastStep))
  const values = Float64Array.from({ length: lastStep + 1 }, (_, ups) => valueAt(prices[2 * ups] as number))
  for (let step = lastStep - 1; step >= 0; step--) {
    for (let ups = 0; ups <= step; ups++) {
      const held = toUp * (values[ups + 1] as number) + toDown * (values[ups] as number)
      const exercised = sign * ((prices[2 * ups - step + lastStep] as number) - strike)
      values[ups] = max(held, exercised)
    }
  }
  return values[0] as number
}

/** Mean discounted payoff of an autocallable note over so many paths, each with fresh normals of Box and Muller (1958). */
export const textbookAutocallable = (
  note: {
    readonly spot: number
    readonly volatility: number
    readonly rate: number
    readonly years: readonly number[]
    readonly autocallLevel: number
    readonly couponPerPeriod: number
    readonly knockInLevel: number
  },
  paths: number,
  uniform: () => number,
): number => {
  let sum = 0
  for (let path = 0; path < paths; path++) {
    let [level, before, paid] = [note.spot, 0, Number.NaN]
    for (let period = 0; period < note.years.length; period++) {
      const years = note.years[period] as number
      const normal = sqrt(-2 * log(1 - uniform())) * Math.cos(2 * PI * uniform())
      const length = years - before
      level *= exp((note.rate - note.volatility ** 2 / 2) * length + note.volatility * sqrt(length) * normal)
      before = years
      if (level < note.autocallLevel) continue
      paid = exp(-note.rate * years) * (1 + note.couponPerPeriod * (period + 1))
      break
    }
    if (Number.isNaN(paid)) paid = exp(-note.rate * before) * (level < note.knockInLevel ? level / note.spot : 1)
    sum += paid
  }
  return sum / paths
}

/** Largest of |one − other| / scale. */
export const largestDifference = (pairs: readonly (readonly [one: number, other: number, scale: number])[]): number =>
  pairs.reduce((most, [one, other, scale]) => max(most, abs(one - other) / scale), 0)
