import { type FixingAverageInputs, fixingLimits, remainingAverage } from './asian.ts'
import { type SpotOptionInputs, spotOptionLimits } from './black-scholes-merton.ts'
import { wholeNumber } from './input-limits.ts'
import { finitePrice, type Priced, refused } from './priced.ts'
import { solveTridiagonal } from './tridiagonal.ts'

const { abs, asinh, ceil, exp, expm1, max, min, sinh, sqrt } = Math

/**
 * J. Večeř, "A new PDE approach for pricing arithmetic average Asian options", J. Computational Finance 4 (2001), and
 * "Unified pricing of Asian options", Risk (2002). Hold q(t) units of the index with its yield reinvested, so that the
 * account ends as average − strike; in units of that index the account is a martingale Z with dZ = (q(t) − Z) σ dW, and
 * the price is spot × E[max(±Z, 0)]. Solved by Crank–Nicolson (the first two steps of each run implicit) on a grid that is
 * dense around the kink. Error about 1e-5 of the spot at the default grid; the work is nodes × steps.
 */
interface Run {
  /** q before and after each step, from the last step back to today; each [holding, years]. */
  readonly steps: readonly (readonly [holding: number, years: number])[]
  readonly start: number
  readonly holdingToday: number
  readonly totalYears: number
}

/** E[max(Z, 0)] of a martingale Z that starts at `run.start`. */
const expectedPositivePart = (run: Run, volatility: number, nodes: number): number => {
  const reach = volatility * sqrt(run.totalYears)
  const scale = max(abs(run.holdingToday), abs(run.start - run.holdingToday))
  const width = scale * min(expm1(6 * reach), 60 * reach) + abs(run.start)
  const [low, high] = [-width, width]
  // Nodes crowd around zero as sinh does, within about a standard deviation of the average.
  const crowding = 0.25 * scale * reach
  const [left, right] = [asinh(low / crowding), asinh(high / crowding)]
  const grid = Float64Array.from(
    { length: nodes },
    (_, i) => crowding * sinh(left + ((right - left) * i) / (nodes - 1)),
  )
  const values = grid.map(z => max(z, 0))
  const [lower, middle, upper, next] = [0, 0, 0, 0].map(() => new Float64Array(nodes)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  for (const [index, [holding, years]] of run.steps.entries()) {
    const implicitness = index < 2 ? 1 : 0.5
    stepBack({ grid, values, lower, middle, upper, next }, holding, volatility, years, implicitness)
  }
  return interpolate(grid, values, run.start)
}

interface Grid {
  readonly grid: Float64Array
  readonly values: Float64Array
  readonly lower: Float64Array
  readonly middle: Float64Array
  readonly upper: Float64Array
  readonly next: Float64Array
}

const stepBack = (
  { grid, values, lower, middle, upper, next }: Grid,
  holding: number,
  volatility: number,
  years: number,
  implicitness: number,
): void => {
  const last = grid.length - 1
  middle[0] = 1
  upper[0] = 0
  next[0] = values[0] ?? 0
  lower[last] = 0
  middle[last] = 1
  next[last] = values[last] ?? 0
  for (let i = 1; i < last; i++) {
    const z = grid[i] ?? 0
    const below = z - (grid[i - 1] ?? 0)
    const above = (grid[i + 1] ?? 0) - z
    const diffusion = ((volatility * (holding - z)) ** 2 * years) / (below + above)
    const [toBelow, toAbove] = [diffusion / below, diffusion / above]
    const change =
      toBelow * ((values[i - 1] ?? 0) - (values[i] ?? 0)) + toAbove * ((values[i + 1] ?? 0) - (values[i] ?? 0))
    next[i] = (values[i] ?? 0) + (1 - implicitness) * change
    lower[i] = -implicitness * toBelow
    middle[i] = 1 + implicitness * (toBelow + toAbove)
    upper[i] = -implicitness * toAbove
  }
  solveTridiagonal(lower, middle, upper, next)
  values.set(next)
}

/** Cubic through the four nodes around x. */
const interpolate = (grid: Float64Array, values: Float64Array, x: number): number => {
  let i = 1
  while (i < grid.length - 3 && (grid[i + 1] ?? 0) < x) i++
  let sum = 0
  for (let j = i - 1; j <= i + 2; j++) {
    let weight = values[j] ?? 0
    for (let k = i - 1; k <= i + 2; k++) {
      if (k !== j) weight *= (x - (grid[k] ?? 0)) / ((grid[j] ?? 0) - (grid[k] ?? 0))
    }
    sum += weight
  }
  return sum
}

/** A put by parity: max(−Z, 0) = max(Z, 0) − Z, and Z is a martingale. */
const averageValue = (run: Run, inputs: SpotOptionInputs, share: number, nodes: number): number => {
  const positive = expectedPositivePart(run, inputs.volatility, nodes)
  return inputs.spot * share * max(inputs.optionType === 'call' ? positive : positive - run.start, 0)
}

export interface Grid1D {
  readonly nodes: number
  readonly steps: number
}

const fineGrid: Grid1D = { nodes: 400, steps: 200 }

/** The largest grid is a third of a second's work. */
const gridLimits = ({ nodes, steps }: Grid1D) =>
  wholeNumber('nodes', nodes, 20, 2000) ?? wholeNumber('steps', steps, 10, 10_000)

/** Arithmetic average of fixings, accurately. One volatility; a term structure has `momentMatchedAsian`. */
export const arithmeticAsian = (inputs: FixingAverageInputs, grid: Grid1D = fineGrid): Priced<number> => {
  const refusal =
    fixingLimits(inputs) ??
    gridLimits(grid) ??
    (inputs.fixingVolatilities === undefined ? undefined : refused('unknown-choice', 'fixingVolatilities'))
  if (refusal !== undefined) return refusal
  const { timeYears, rate, yieldRate, fixingYears } = inputs
  const { share, strike } = remainingAverage(inputs)
  const ahead = fixingYears.length
  const steps: (readonly [number, number])[] = []
  // From the last fixing back: between fixings the holding is what the later ones need.
  let holding = 0
  for (let i = ahead - 1; i >= 0; i--) {
    const years = fixingYears[i] ?? 0
    const before = i === 0 ? 0 : (fixingYears[i - 1] ?? 0)
    holding += exp(-rate * (timeYears - years) - yieldRate * years) / ahead
    if (years === before) continue
    const count = max(1, ceil((grid.steps * (years - before)) / timeYears))
    for (let step = 0; step < count; step++) steps.push([holding, (years - before) / count])
  }
  const start = holding - (exp(-rate * timeYears) * strike) / inputs.spot
  if (strike <= 0) {
    const certain = inputs.optionType === 'call' ? start : 0
    return finitePrice(inputs.spot * share * certain)
  }
  const run = { steps, start, holdingToday: holding, totalYears: fixingYears[ahead - 1] ?? 0 }
  if (run.steps.length === 0) {
    return finitePrice(inputs.spot * share * max(inputs.optionType === 'call' ? start : -start, 0))
  }
  return finitePrice(averageValue(run, inputs, share, grid.nodes))
}

/** Arithmetic average observed continuously from now to expiry, accurately. */
export const arithmeticContinuousAsian = (inputs: SpotOptionInputs, grid: Grid1D = fineGrid): Priced<number> => {
  const refusal = spotOptionLimits(inputs) ?? gridLimits(grid)
  if (refusal !== undefined) return refusal
  const { spot, strike, timeYears, rate, yieldRate } = inputs
  const carry = rate - yieldRate
  // q(t) = (1/T) ∫ from t to T of exp(−r (T − s) − y s) ds.
  const holdingAt = (years: number): number => {
    const left = timeYears - years
    const mean = abs(carry * left) < 1e-8 ? left : -expm1(-carry * left) / carry
    return (exp(-yieldRate * timeYears) * mean) / timeYears
  }
  const length = timeYears / grid.steps
  const steps = Array.from(
    { length: grid.steps },
    (_, step) => [holdingAt(timeYears - (step + 0.5) * length), length] as const,
  )
  const holdingToday = holdingAt(0)
  const start = holdingToday - (exp(-rate * timeYears) * strike) / spot
  return finitePrice(averageValue({ steps, start, holdingToday, totalYears: timeYears }, inputs, 1, grid.nodes))
}
