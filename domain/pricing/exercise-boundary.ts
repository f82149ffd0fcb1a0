import type { SpotOptionInputs } from './black-scholes-merton.ts'
import { quickNormalCdf, quickNormalCdfWithBell } from './normal.ts'
import { gaussLegendre } from './quadrature.ts'

const { abs, cos, exp, expm1, log, max, min, PI, sqrt } = Math

export type PutTerms = Omit<SpotOptionInputs, 'optionType'>

/**
 * The critical price B(τ) below which an American put is exercised, with τ years left, as in Andersen, Lake and
 * Offengenden (2016): H = ln²(B/X) is nearly linear in √τ, so it is interpolated at Chebyshev nodes of √τ, and improved by
 * the fixed points of their section 3 with Gauss–Legendre quadrature after the substitution τ − u = τ (1 + y)²/4: "A" (from
 * the slope of the price at the boundary: fast, but it may not settle where the carry is large beside the variance), then
 * "B" (from its value: slower and sturdier).
 */
export interface ExerciseBoundary {
  /** ln X, X = strike × min(1, r/q): the boundary in the last moment. */
  readonly logLimit: number
  /** H at the nodes, from τ = 0 to the whole time. */
  readonly squares: Float64Array
  /** B with the whole time left. */
  readonly today: number
}

const intervals = 8
const boundaryRule = gaussLegendre(12)
const premiumRule = gaussLegendre(32)
const mostIterations = { slope: 16, value: 100 } as const
const tolerance = 1e-5
const inverseRootTwoPi = 0.3989422804014327

/** √(τᵢ/T), ascending. */
const nodeRoots = Float64Array.from({ length: intervals + 1 }, (_, i) => (1 - cos((i * PI) / intervals)) / 2)

/** Weights that interpolate values at the nodes to √(τ/T) = root: barycentric, Chebyshev points of the second kind. */
const interpolationWeights = (root: number): Float64Array => {
  const weights = new Float64Array(intervals + 1)
  let total = 0
  for (let i = 0; i <= intervals; i++) {
    const distance = root - (nodeRoots[i] ?? 0)
    if (abs(distance) < 1e-15) return new Float64Array(intervals + 1).fill(1, i, i + 1)
    weights[i] = ((i % 2 === 0 ? 1 : -1) * (i === 0 || i === intervals ? 0.5 : 1)) / distance
    total += weights[i] ?? 0
  }
  return weights.map(weight => weight / total)
}

/** In the scaled time the quadrature points never move: one row of weights for each pair (node, point), and for the premium. */
const flatWeights = (roots: readonly number[]): Float64Array =>
  Float64Array.from(roots.flatMap(root => [...interpolationWeights(root)]))

const elapsedRoot = (y: number): number => sqrt(1 - ((1 + y) / 2) ** 2)
/** u/T at each pair (node, point). */
const elapsedShares = Float64Array.from(
  [...nodeRoots].slice(1).flatMap(root => boundaryRule.map(([y]) => (root * elapsedRoot(y)) ** 2)),
)
const boundaryWeights = flatWeights(
  [...nodeRoots].slice(1).flatMap(root => boundaryRule.map(([y]) => root * elapsedRoot(y))),
)
const premiumWeights = flatWeights(premiumRule.map(([y]) => elapsedRoot(y)))

const dot = (weights: Float64Array, offset: number, values: Float64Array): number => {
  let sum = 0
  for (let i = 0; i <= intervals; i++) sum += (weights[offset + i] as number) * (values[i] as number)
  return sum
}

/** First guess: the quadratic approximation of Barone-Adesi and Whaley, J. Finance 42 (1987), solved for its boundary. */
const guess = (terms: PutTerms, years: number, start: number): number => {
  const { strike, rate, yieldRate, volatility } = terms
  const variance = volatility ** 2
  const omega = (2 * (rate - yieldRate)) / variance
  const ratio = abs(rate * years) < 1e-12 ? 2 / (variance * years) : (-2 * rate) / (variance * expm1(-rate * years))
  const exponent = -((omega - 1 + sqrt((omega - 1) ** 2 + 4 * ratio)) / 2)
  const deviation = volatility * sqrt(years)
  const [carried, discount] = [exp(-yieldRate * years), exp(-rate * years)]
  let [low, high] = [0, start]
  let boundary = start * max(0.9, exp(-2 * deviation))
  for (let step = 0; step < 40; step++) {
    const d1 = (log(boundary / strike) + (rate - yieldRate) * years) / deviation + deviation / 2
    const within = carried * quickNormalCdf(-d1)
    const put = strike * discount * quickNormalCdf(deviation - d1) - boundary * within
    // Decreasing in the boundary: smooth pasting of intrinsic value and approximate premium.
    const excess = (1 - within) * boundary + exponent * (strike - boundary - put)
    if (excess > 0) high = boundary
    else low = boundary
    const density = (carried * inverseRootTwoPi * exp(-0.5 * d1 * d1)) / deviation
    const derivative = (1 - within) * (1 - exponent) + density
    const next = boundary - excess / derivative
    const inside = next > low && next < high ? next : (low + high) / 2
    const done = abs(inside - boundary) < min(1e-4, 1e-3 * deviation) * strike
    boundary = inside
    if (done) break
  }
  return boundary
}

/** Undefined where the iteration does not settle. Rate above 0, or 0 with a yield below 0. */
export const exerciseBoundary = (terms: PutTerms): ExerciseBoundary | undefined => {
  const { strike, timeYears, rate, yieldRate } = terms
  const limit = yieldRate > 0 ? strike * min(1, rate / yieldRate) : strike
  const logLimit = log(limit)
  for (const equation of ['slope', 'value'] as const) {
    const squares = new Float64Array(intervals + 1)
    for (let i = 1; i <= intervals; i++) {
      const start = guess(terms, timeYears * (nodeRoots[i] ?? 0) ** 2, limit)
      squares[i] = (log(start) - logLimit) ** 2
    }
    const iterate = fixedPoint(terms, logLimit, equation)
    for (let iteration = 0; iteration < mostIterations[equation]; iteration++) {
      const change = iterate(squares)
      if (!Number.isFinite(change)) break
      if (change < tolerance) return { logLimit, squares, today: exp(logLimit - sqrt(squares[intervals] ?? 0)) }
    }
  }
  return undefined
}

const growthRates = (perYear: number, timeYears: number): Float64Array => {
  const rates = new Float64Array(elapsedShares.length)
  if (perYear === 0) return rates
  for (let i = 0; i < rates.length; i++) rates[i] = perYear * exp(perYear * timeYears * (elapsedShares[i] as number))
  return rates
}

/** One pass over the nodes; answers the largest change of ln B. */
const fixedPoint = (
  { strike, timeYears, rate, yieldRate, volatility }: PutTerms,
  logLimit: number,
  equation: 'slope' | 'value',
): ((squares: Float64Array) => number) => {
  const points = boundaryRule.length
  const carry = rate - yieldRate
  const logStrike = log(strike)
  const next = new Float64Array(intervals + 1)
  // r e^{ru} and q e^{qu} at the quadrature points do not depend on the boundary.
  const [rateGrowth, yieldGrowth] = [growthRates(rate, timeYears), growthRates(yieldRate, timeYears)]
  const ofSlope = equation === 'slope'
  return squares => {
    let largest = 0
    for (let i = 1; i <= intervals; i++) {
      const years = timeYears * (nodeRoots[i] as number) ** 2
      const deviation = volatility * sqrt(years)
      const logBoundary = logLimit - sqrt(squares[i] as number)
      const d1 = (logBoundary - logStrike + carry * years) / deviation + deviation / 2
      const d2 = d1 - deviation
      let numerator = ofSlope ? (inverseRootTwoPi * exp(-0.5 * d2 * d2)) / deviation : quickNormalCdf(d2)
      let denominator = quickNormalCdf(d1)
      if (ofSlope) denominator += (inverseRootTwoPi * exp(-0.5 * d1 * d1)) / deviation
      for (let j = 0; j < points; j++) {
        const [y, weight] = boundaryRule[j] as readonly [number, number]
        const half = (1 + y) / 2
        const left = years * half * half
        const at = (i - 1) * points + j
        const square = dot(boundaryWeights, at * (intervals + 1), squares)
        const spread = deviation * half
        const e1 = (logBoundary - logLimit + sqrt(max(square, 0)) + carry * left) / spread + spread / 2
        const e2 = e1 - spread
        // du = τ (1 + y)/2 dy, and the 1/√(τ − u) of the densities cancels the half.
        const width = weight * years * half
        const term = ofSlope ? exp(-0.5 * e2 * e2) * (inverseRootTwoPi / spread) : quickNormalCdf(e2)
        numerator += (rateGrowth[at] as number) * width * term
        if (yieldRate === 0) continue
        const bell = exp(-0.5 * e1 * e1)
        const slope = ofSlope ? bell * (inverseRootTwoPi / spread) : 0
        denominator += (yieldGrowth[at] as number) * width * (quickNormalCdfWithBell(e1, bell) + slope)
      }
      const logNext = min(logStrike - carry * years + log(numerator / denominator), logLimit)
      largest = max(largest, abs(logNext - logBoundary))
      if (!Number.isFinite(logNext)) return Number.NaN
      next[i] = (logNext - logLimit) ** 2
    }
    squares.set(next)
    return largest
  }
}

/**
 * What the right to exercise early adds to the European put: I. Kim, "The analytic valuation of American options", Review
 * of Financial Studies 3 (1990), the integral of interest earned less yield given up over the exercise region.
 */
export const exercisePremium = (terms: PutTerms, boundary: ExerciseBoundary): number => {
  const { spot, strike, timeYears, rate, yieldRate, volatility } = terms
  const logSpot = log(spot)
  let sum = 0
  for (let j = 0; j < premiumRule.length; j++) {
    const [y, weight] = premiumRule[j] as readonly [number, number]
    const half = (1 + y) / 2
    const left = timeYears * half * half
    const square = max(dot(premiumWeights, j * (intervals + 1), boundary.squares), 0)
    const spread = volatility * sqrt(left)
    const d1 = (logSpot - boundary.logLimit + sqrt(square) + (rate - yieldRate) * left) / spread + spread / 2
    const interest = rate * strike * exp(-rate * left) * quickNormalCdf(spread - d1)
    const yielded = yieldRate === 0 ? 0 : yieldRate * spot * exp(-yieldRate * left) * quickNormalCdf(-d1)
    sum += weight * timeYears * half * (interest - yielded)
  }
  return sum
}
