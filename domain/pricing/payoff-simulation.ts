import { correlationLimit, positivePrice, rateLimit, volatilityLimit, wholeNumber } from './input-limits.ts'
import { pathValue } from './payoff-evaluation.ts'
import type { PayoffTree } from './payoff-tree.ts'
import { type Priced, priced, type Refused, refused } from './priced.ts'
import { standardNormals } from './random-normals.ts'

const { abs, exp, sqrt } = Math

export interface SimulatedIndex {
  readonly name: string
  readonly spot: number
  readonly volatility: number
  readonly yieldRate: number
}

export interface SimulationMarket {
  readonly indices: readonly SimulatedIndex[]
  /** Correlations of the logarithms, by position in `indices`; absent for a single index or independent ones. */
  readonly correlations?: readonly (readonly number[])[]
  readonly rate: number
  /** Years from the valuation to a date; 0 or less for the past, whose levels `fixingOf` tells. */
  readonly yearsTo: (date: string) => number
  readonly fixingOf?: (index: string, date: string) => number | undefined
}

export interface Simulation {
  readonly value: number
  readonly standardError: number
  readonly paths: number
}

export const mostPaths = 2_000_000

/**
 * Value of a unit by Monte Carlo under correlated geometric Brownian motions, with antithetic pairs; the standard error is
 * that of the pairs' means. Boyle, "Options: a Monte Carlo approach", J. Financial Economics 4 (1977). Seeded: the same
 * seed answers the same value.
 */
export const simulatePayoff = (
  tree: PayoffTree,
  market: SimulationMarket,
  pairs: number,
  seed: number,
): Priced<Simulation> => {
  const refusal =
    wholeNumber('pairs', pairs, 2, mostPaths / 2) ?? wholeNumber('seed', seed, 0, 0xffffffff) ?? marketLimits(market)
  if (refusal !== undefined) return refusal
  const plan = pathPlan(tree, market)
  if ('code' in plan) return plan
  const { steps, levels, discountFactors, draws } = plan
  const normal = standardNormals(seed)
  const noise = new Float64Array(draws)
  let [sum, squares] = [0, 0]
  for (let pair = 0; pair < pairs; pair++) {
    for (let i = 0; i < draws; i++) noise[i] = normal()
    walk(steps, levels, noise, 1)
    const one = pathValue(tree, levels, discountFactors)
    walk(steps, levels, noise, -1)
    const mean = (one + pathValue(tree, levels, discountFactors)) / 2
    sum += mean
    squares += mean * mean
  }
  const value = sum / pairs
  const standardError = sqrt(Math.max(squares / pairs - value * value, 0) / (pairs - 1))
  if (!Number.isFinite(value) || !Number.isFinite(standardError)) return refused('not-representable', 'value')
  return priced({ value, standardError, paths: 2 * pairs })
}

const marketLimits = ({ indices, correlations, rate }: SimulationMarket): Refused | undefined => {
  if (indices.length === 0) return refused('too-few', 'indices')
  if (indices.length > 16) return refused('too-many', 'indices')
  for (const { spot, volatility, yieldRate } of indices) {
    const unfit =
      positivePrice('spot', spot) ?? volatilityLimit('volatility', volatility) ?? rateLimit('yieldRate', yieldRate)
    if (unfit !== undefined) return unfit
  }
  if (correlations !== undefined && correlations.length !== indices.length)
    return refused('length-mismatch', 'correlations')
  for (const [i, row] of (correlations ?? []).entries()) {
    if (row.length !== indices.length) return refused('length-mismatch', 'correlations')
    for (const [j, correlation] of row.entries()) {
      const unfit = correlationLimit('correlations', correlation)
      if (unfit !== undefined) return unfit
      if (correlation !== correlations?.[j]?.[i] || (i === j && correlation !== 1))
        return refused('out-of-range', 'correlations')
    }
  }
  return rateLimit('rate', rate)
}

/** One step in time: from its own start each index moves by drift and mixed noise; the levels it is observed at are slots. */
interface Step {
  readonly drifts: readonly number[]
  /** Rows of the Cholesky factor times σ√Δt. */
  readonly mixing: readonly (readonly number[])[]
  readonly firstDraw: number
  readonly slots: readonly (readonly number[])[]
  readonly spots: readonly number[]
}

interface PathPlan {
  readonly steps: readonly Step[]
  readonly levels: Float64Array
  readonly discountFactors: Float64Array
  readonly draws: number
}

const pathPlan = (tree: PayoffTree, market: SimulationMarket): PathPlan | Refused => {
  const { indices, rate } = market
  const factor = cholesky(market.correlations ?? indices.map((_, i) => indices.map((__, j) => (i === j ? 1 : 0))))
  if (factor === undefined) return refused('out-of-range', 'correlations')
  const levels = new Float64Array(tree.observations.length)
  const byTime = new Map<number, number[][]>()
  for (const [slot, { index, date }] of tree.observations.entries()) {
    const position = indices.findIndex(({ name }) => name === index)
    if (position < 0) return refused('missing-observation', `indices/${index}`)
    const years = market.yearsTo(date)
    if (!Number.isFinite(years) || years > 100) return refused('out-of-range', 'yearsTo')
    if (years <= 0) {
      const fixing = market.fixingOf?.(index, date)
      if (fixing === undefined || !(fixing > 0)) return refused('missing-observation', `${index}@${date}`)
      levels[slot] = fixing
      continue
    }
    const slots = byTime.get(years) ?? indices.map(() => [])
    slots[position]?.push(slot)
    byTime.set(years, slots)
  }
  const steps: Step[] = []
  let before = 0
  for (const [years, slots] of [...byTime].toSorted((a, b) => a[0] - b[0])) {
    const length = years - before
    steps.push({
      drifts: indices.map(({ volatility, yieldRate }) => (rate - yieldRate - volatility ** 2 / 2) * length),
      mixing: factor.map((row, i) => row.map(entry => entry * (indices[i]?.volatility ?? 0) * sqrt(length))),
      firstDraw: steps.length * indices.length,
      slots,
      spots: indices.map(({ spot }) => spot),
    })
    before = years
  }
  // What was to be paid in the past is no longer part of the value.
  const discountFactors = Float64Array.from(tree.paymentDates, date => {
    const years = market.yearsTo(date)
    return years < 0 ? 0 : exp(-rate * years)
  })
  return { steps, levels, discountFactors, draws: steps.length * indices.length }
}

const walk = (steps: readonly Step[], levels: Float64Array, noise: Float64Array, sign: 1 | -1): void => {
  const logs = (steps[0]?.spots ?? []).map(() => 0)
  for (const { drifts, mixing, firstDraw, slots, spots } of steps) {
    for (let i = 0; i < logs.length; i++) {
      let move = drifts[i] ?? 0
      const row = mixing[i] ?? []
      for (let j = 0; j <= i; j++) move += sign * (row[j] ?? 0) * (noise[firstDraw + j] ?? 0)
      logs[i] = (logs[i] ?? 0) + move
      const observed = slots[i] ?? []
      if (observed.length === 0) continue
      const level = (spots[i] ?? 0) * exp(logs[i] ?? 0)
      for (const slot of observed) levels[slot] = level
    }
  }
}

/** Lower triangle L with L Lᵀ = matrix; undefined where the matrix is not positive semidefinite. */
const cholesky = (matrix: readonly (readonly number[])[]): readonly (readonly number[])[] | undefined => {
  const factor = matrix.map(() => matrix.map(() => 0))
  for (const [i, row] of factor.entries()) {
    for (let j = 0; j <= i; j++) {
      const other = factor[j] ?? []
      let rest = matrix[i]?.[j] ?? 0
      for (let k = 0; k < j; k++) rest -= (row[k] ?? 0) * (other[k] ?? 0)
      if (i === j) {
        if (rest < -1e-12) return undefined
        row[j] = sqrt(Math.max(rest, 0))
      } else {
        const pivot = other[j] ?? 0
        if (pivot === 0 && abs(rest) > 1e-12) return undefined
        row[j] = pivot === 0 ? 0 : rest / pivot
      }
    }
  }
  return factor
}
