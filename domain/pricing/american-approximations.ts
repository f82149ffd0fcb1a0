import { europeanSpotValue, type SpotOptionInputs, spotOptionLimits } from './black-scholes-merton.ts'
import { signOf } from './european.ts'
import { choice, nonNegativePrice, positivePrice } from './input-limits.ts'
import { normalCdf, normalDensity } from './normal.ts'
import { finitePrice, type Priced, refused } from './priced.ts'

const { abs, exp, expm1, log, max, sqrt } = Math

export type AmericanApproximation = 'barone-adesi-whaley' | 'bjerksund-stensland-1993' | 'ju-1999'
const approximations: readonly AmericanApproximation[] = ['barone-adesi-whaley', 'bjerksund-stensland-1993', 'ju-1999']

/**
 * American options as the published approximations have them, for whoever must agree with others that use one: they miss the
 * price by up to a percent, `american` does not. Never below the European price. Where exercise may pay and the rate is not
 * above zero they are refused, as their formulas divide by it.
 */
export const approximateAmerican = (inputs: SpotOptionInputs, method: AmericanApproximation): Priced<number> => {
  const refusal = spotOptionLimits(inputs) ?? choice('method', method, approximations)
  if (refusal !== undefined) return refusal
  const { optionType, rate, yieldRate } = inputs
  // What is earned by exercising early and what is given up: nothing is ever exercised that earns nothing.
  const [earned, given] = optionType === 'call' ? [yieldRate, rate] : [rate, yieldRate]
  const european = europeanSpotValue(inputs)
  if (earned <= 0 && earned <= given) return finitePrice(european)
  const unfit = positivePrice('rate', rate) ?? positivePrice('yieldRate', optionType === 'call' ? yieldRate : 1)
  if (unfit !== undefined) return unfit
  const approximated =
    method === 'bjerksund-stensland-1993' ? flatBoundary(inputs) : quadratic(inputs, method, european)
  // As published all three may be below it: exercise beyond a boundary that is too near, Ju's correction of a small premium.
  return approximated.priced ? finitePrice(max(approximated.value, european)) : approximated
}

const mostSteps = 100

/**
 * G. Barone-Adesi and R. Whaley, "Efficient analytic approximation of American option values", J. Finance 42 (1987), and its
 * correction by N. Ju and R. Zhong, "An approximate formula for pricing American options", J. Derivatives 7 (1999).
 */
const quadratic = (inputs: SpotOptionInputs, method: AmericanApproximation, european: number): Priced<number> => {
  const { spot, strike, timeYears, volatility, rate, yieldRate } = inputs
  const sign = signOf(inputs.optionType)
  const variance = volatility ** 2
  const [alpha, beta] = [(2 * rate) / variance, (2 * (rate - yieldRate)) / variance]
  const h = -expm1(-rate * timeYears)
  const root = sqrt((beta - 1) ** 2 + (4 * alpha) / h)
  const lambda = (1 - beta + sign * root) / 2
  const deviation = volatility * sqrt(timeYears)
  const [carried, discount] = [exp(-yieldRate * timeYears), exp(-rate * timeYears)]
  const d1Of = (level: number): number =>
    (log(level / strike) + (rate - yieldRate) * timeYears) / deviation + deviation / 2
  const europeanOf = (level: number): number => europeanSpotValue({ ...inputs, spot: level })
  /** Falls from above zero to below it as the level goes from the strike into the money: smooth pasting. */
  const excess = (level: number): number =>
    europeanOf(level) +
    (sign * (1 - carried * normalCdf(sign * d1Of(level))) * level) / lambda -
    sign * (level - strike)
  let [near, far] = [strike, sign === 1 ? 2 * strike : strike / 2]
  for (let step = 0; excess(far) > 0; step++) {
    if (step === mostSteps) return refused('no-convergence', 'value')
    ;[near, far] = [far, sign === 1 ? 2 * far : far / 2]
  }
  for (let step = 0; step < mostSteps && abs(far - near) > 1e-15 * near; step++) {
    const middle = (near + far) / 2
    if (excess(middle) > 0) near = middle
    else far = middle
  }
  const critical = (near + far) / 2
  if (sign * (critical - spot) <= 0) return finitePrice(sign * (spot - strike))
  const premium = sign * (critical - strike) - europeanOf(critical)
  const away = log(spot / critical)
  const plain = premium * exp(lambda * away)
  if (method === 'barone-adesi-whaley') return finitePrice(european + plain)
  const slope = (-sign * alpha) / (h * h * root)
  const denominator = 2 * lambda + beta - 1
  const d1 = d1Of(critical)
  // ∂(European value)/∂h at the critical price.
  const drift =
    (critical * normalDensity(d1) * volatility * carried) / (2 * rate * sqrt(timeYears) * discount) -
    (sign * yieldRate * critical * normalCdf(sign * d1) * carried) / (rate * discount) +
    sign * strike * normalCdf(sign * (d1 - deviation))
  const square = ((1 - h) * alpha * slope) / (2 * denominator)
  const linear = ((h - 1) * alpha * (drift / premium + 1 / h + slope / denominator)) / denominator
  return finitePrice(european + plain / (1 - square * away * away - linear * away))
}

/** P. Bjerksund and G. Stensland, "Closed-form approximation of American options", Scandinavian J. Management 9 (1993). */
const flatBoundary = (inputs: SpotOptionInputs): Priced<number> => {
  const { optionType, spot, strike, timeYears, volatility, rate, yieldRate } = inputs
  if (optionType === 'put') {
    // A put on the spot is a call on the strike with rate and yield exchanged.
    const mirrored = { spot: strike, strike: spot, rate: yieldRate, yieldRate: rate, timeYears, volatility }
    return nonNegativePrice('yieldRate', yieldRate) ?? flatBoundary({ ...mirrored, optionType: 'call' })
  }
  const variance = volatility ** 2
  const deviation = volatility * sqrt(timeYears)
  const carry = rate - yieldRate
  const beta = 0.5 - carry / variance + sqrt((carry / variance - 0.5) ** 2 + (2 * rate) / variance)
  const perpetual = (beta / (beta - 1)) * strike
  const last = max(strike, (rate / yieldRate) * strike)
  const boundary = last - (perpetual - last) * expm1((-(carry * timeYears + 2 * deviation) * last) / (perpetual - last))
  if (spot >= boundary) return finitePrice(spot - strike)
  const reflected = log(boundary / spot)
  /** Discounted E[(S/unit)ᵞ; S_T < level, never at the boundary]: of its own size also where γ is thousands. */
  const below = (gamma: number, level: number, unit: number): number => {
    const lambda = (gamma * carry - rate + 0.5 * gamma * (gamma - 1) * variance) * timeYears
    const d = -(log(spot / level) + (carry + (gamma - 0.5) * variance) * timeYears) / deviation
    const kappa = (2 * carry) / variance + 2 * gamma - 1
    const far = normalCdf(d - (2 * reflected) / deviation)
    const kept = normalCdf(d) - (far === 0 ? 0 : exp(kappa * reflected) * far)
    return kept === 0 ? 0 : exp(lambda + gamma * log(spot / unit)) * kept
  }
  const atBoundary = (boundary - strike) * (exp(-beta * reflected) - below(beta, boundary, boundary))
  const inside = below(1, boundary, 1) - below(1, strike, 1) - strike * (below(0, boundary, 1) - below(0, strike, 1))
  return finitePrice(atBoundary + inside)
}
