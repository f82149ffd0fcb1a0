import { american } from './american.ts'
import { type BarrierInputs, barrierLimits, sideOf } from './barrier.ts'
import { signOf } from './european.ts'
import { finitePrice, type Priced, type Refused } from './priced.ts'
import { isHit } from './touch.ts'
import { solveTridiagonal } from './tridiagonal.ts'

const { abs, exp, log, max, sqrt } = Math

const nodes = 300
const steps = 100
/** Standard deviations from spot and strike to the far edge of the grid. */
const reach = 6

type ContinuousBarrier = Omit<BarrierInputs, 'observations'>

/**
 * A barrier option that may be exercised early: a knock-out until it is knocked out, a knock-in once it is knocked in, when
 * it becomes the American vanilla option. Rebates as for European exercise. Crank–Nicolson in the log price (the first two
 * steps implicit), barrier on the edge of the grid, early exercise by projection: Tavella and Randall, Pricing Financial
 * Instruments: the Finite Difference Method (2000). Error about 1e-4 of the spot; some milliseconds of work.
 */
export const americanBarrierOption = (inputs: ContinuousBarrier): Priced<number> => {
  const refusal = barrierLimits(inputs)
  if (refusal !== undefined) return refusal
  const knocksOut = inputs.barrierType === 'down-out' || inputs.barrierType === 'up-out'
  const hit = isHit(sideOf(inputs.barrierType), inputs.spot, inputs.barrier)
  if (hit) return knocksOut ? finitePrice(inputs.rebate) : american(inputs)
  const edges = knocksOut ? knockOutEdges(inputs) : knockInEdges(inputs)
  return 'code' in edges ? edges : finitePrice(solve(inputs, edges))
}

interface Edges {
  /** Value at the barrier after each step, from expiry backwards; position 0 is expiry. */
  readonly atBarrier: readonly number[]
  /** Value at the other end. */
  readonly farAway: (yearsLeft: number, spot: number) => number
  readonly atExpiry: (spot: number) => number
  /** What exercise pays now; nothing for a knock-in that is not in. */
  readonly exercise: ((spot: number) => number) | undefined
}

const knockOutEdges = (inputs: ContinuousBarrier): Edges => {
  const { strike, rate, yieldRate, rebate } = inputs
  const sign = signOf(inputs.optionType)
  const intrinsic = (spot: number): number => max(sign * (spot - strike), 0)
  // Just before the barrier its holder still has the choice to exercise.
  const atBarrier = max(rebate, intrinsic(inputs.barrier))
  return {
    atBarrier: Array.from({ length: steps + 1 }, () => atBarrier),
    farAway: (years, spot) =>
      max(intrinsic(spot), sign * (spot * exp(-yieldRate * years) - strike * exp(-rate * years))),
    atExpiry: intrinsic,
    exercise: intrinsic,
  }
}

const knockInEdges = (inputs: ContinuousBarrier): Edges | Refused => {
  const { barrier, timeYears, rate, rebate } = inputs
  const atBarrier = [max(signOf(inputs.optionType) * (barrier - inputs.strike), 0)]
  for (let step = 1; step <= steps; step++) {
    const vanilla = american({ ...inputs, spot: barrier, timeYears: (timeYears * step) / steps })
    if (!vanilla.priced) return vanilla
    atBarrier.push(vanilla.value)
  }
  return { atBarrier, farAway: years => rebate * exp(-rate * years), atExpiry: () => rebate, exercise: undefined }
}

const solve = (inputs: ContinuousBarrier, { atBarrier, farAway, atExpiry, exercise }: Edges): number => {
  const { spot, strike, barrier, timeYears, volatility, rate, yieldRate } = inputs
  const down = sideOf(inputs.barrierType) === 'down'
  const drift = rate - yieldRate - volatility ** 2 / 2
  const width = reach * volatility * sqrt(timeYears) + abs(drift) * timeYears
  // The grid runs from the barrier away from it, past spot and strike.
  const away = down ? 1 : -1
  const distance = max(away * log(spot / barrier), away * log(strike / barrier), 0) + width
  const spacing = distance / (nodes - 1)
  const prices = Float64Array.from({ length: nodes }, (_, i) => barrier * exp(away * i * spacing))
  const values = prices.map(atExpiry)
  values[0] = atBarrier[0] ?? 0
  const payoff = exercise === undefined ? undefined : prices.map(exercise)
  const [lower, middle, upper, next] = [0, 1, 2, 3].map(() => new Float64Array(nodes)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  const years = timeYears / steps
  const diffusion = (volatility ** 2 * years) / (2 * spacing * spacing)
  const advection = (away * drift * years) / (2 * spacing)
  const [toNearer, toFarther] = [diffusion - advection, diffusion + advection]
  const decay = 2 * diffusion + rate * years
  for (let step = 1; step <= steps; step++) {
    const implicit = step <= 2 ? 1 : 0.5
    for (let i = 1; i < nodes - 1; i++) {
      const [nearer, here, farther] = [values[i - 1] as number, values[i] as number, values[i + 1] as number]
      next[i] = here + (1 - implicit) * (toNearer * nearer - decay * here + toFarther * farther)
      lower[i] = -implicit * toNearer
      middle[i] = 1 + implicit * decay
      upper[i] = -implicit * toFarther
    }
    middle[0] = 1
    upper[0] = 0
    next[0] = atBarrier[step] ?? 0
    lower[nodes - 1] = 0
    middle[nodes - 1] = 1
    next[nodes - 1] = farAway(step * years, prices[nodes - 1] ?? 0)
    solveTridiagonal(lower, middle, upper, next)
    for (let i = 0; i < nodes; i++)
      values[i] = payoff === undefined || i === 0 ? (next[i] as number) : max(next[i] as number, payoff[i] as number)
  }
  return interpolated(values, (away * log(spot / barrier)) / spacing)
}

/** Cubic through the four nodes around a position. */
const interpolated = (values: Float64Array, position: number): number => {
  const first = Math.min(max(Math.floor(position) - 1, 0), nodes - 4)
  let sum = 0
  for (let j = 0; j < 4; j++) {
    let weight = values[first + j] ?? 0
    for (let k = 0; k < 4; k++) if (k !== j) weight *= (position - first - k) / (j - k)
    sum += weight
  }
  return sum
}
