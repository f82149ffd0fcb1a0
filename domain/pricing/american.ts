import {
  blackScholesMertonGreeks,
  europeanSpotValue,
  type SpotGreeks,
  type SpotOptionInputs,
  spotOptionLimits,
} from './black-scholes-merton.ts'
import { type ExerciseBoundary, exerciseBoundary, exercisePremium, type PutTerms } from './exercise-boundary.ts'
import { finitePrice, type Priced, priced, type Refused, refused } from './priced.ts'

const { max, min } = Math

/**
 * Every American option as a put: a call on the index at `spot` is a put at strike `spot` on an index at `strike` with
 * rate and yield exchanged. McDonald and Schroder, "A parity result for American options", J. Computational Finance 1 (1998).
 */
const asPut = (inputs: SpotOptionInputs): PutTerms =>
  inputs.optionType === 'put'
    ? inputs
    : { ...inputs, spot: inputs.strike, strike: inputs.spot, rate: inputs.yieldRate, yieldRate: inputs.rate }

/** Of the strike, over the life of the option. */
const leastInterest = 1e-9

interface Valuation {
  readonly price: number
  readonly put: PutTerms
  /** Absent where early exercise never pays. */
  readonly boundary: ExerciseBoundary | undefined
}

const valuation = (inputs: SpotOptionInputs): Valuation | Refused => {
  const refusal = spotOptionLimits(inputs)
  if (refusal !== undefined) return refusal
  const put = asPut(inputs)
  const european = europeanSpotValue(inputs)
  // Whoever exercises a put early earns the rate on the strike and gives up the yield: never worth it where r ≤ min(0, q).
  if (put.rate <= 0 && put.rate <= put.yieldRate) return { price: european, put, boundary: undefined }
  // The premium is at most the interest on the strike: of so little the boundary lies where no path comes.
  if (put.rate * put.timeYears < leastInterest && put.yieldRate >= 0)
    return { price: european, put, boundary: undefined }
  if (put.rate < 0) return refused('double-exercise-boundary', inputs.optionType === 'put' ? 'rate' : 'yieldRate')
  const boundary = exerciseBoundary(put)
  if (boundary === undefined) return refused('no-convergence', 'value')
  const intrinsic = put.strike - put.spot
  const bound = put.strike * max(1, Math.exp(-put.yieldRate * put.timeYears))
  const price =
    put.spot <= boundary.today
      ? intrinsic
      : min(max(european + exercisePremium(put, boundary), european, intrinsic), bound)
  return { price, put, boundary }
}

/**
 * American option on the spot; on a future with `yieldRate` = `rate`. Andersen, Lake and Offengenden, "High-performance
 * American option pricing", J. Computational Finance 20 (2016): error about 1e-6 of the spot. Rates at which exercise pays
 * between two boundaries (yield < rate < 0 for a put) are refused.
 */
export const american = (inputs: SpotOptionInputs): Priced<number> => {
  const result = valuation(inputs)
  return 'code' in result ? result : finitePrice(result.price)
}

export type AmericanGreeks = Pick<SpotGreeks, 'price' | 'delta' | 'gamma' | 'vega' | 'theta' | 'rho' | 'yieldRho'>

/**
 * Greeks by central differences of the price: delta and gamma along one boundary, vega, rho and yield rho with a boundary
 * each, theta from the Black–Scholes equation where holding is best and 0 where exercise is.
 */
export const americanGreeks = (inputs: SpotOptionInputs): Priced<AmericanGreeks> => {
  const base = valuation(inputs)
  if ('code' in base) return base
  if (base.boundary === undefined) return blackScholesMertonGreeks(inputs)
  if (base.put.spot <= base.boundary.today) {
    const delta = inputs.optionType === 'call' ? 1 : -1
    return priced({ price: base.price, delta, gamma: 0, vega: 0, theta: 0, rho: 0, yieldRho: 0 })
  }
  const { spot, rate, yieldRate, volatility } = inputs
  const slope = (bump: (by: number) => SpotOptionInputs, by: number): number | Refused => {
    const [up, down] = [valuation(bump(by)), valuation(bump(-by))]
    return 'code' in up ? up : 'code' in down ? down : (up.price - down.price) / (2 * by)
  }
  const step = spot * 1e-3
  const [up, down] = [valuation({ ...inputs, spot: spot + step }), valuation({ ...inputs, spot: spot - step })]
  if ('code' in up) return up
  if ('code' in down) return down
  const delta = (up.price - down.price) / (2 * step)
  const gamma = max((up.price - 2 * base.price + down.price) / (step * step), 0)
  const vega = slope(by => ({ ...inputs, volatility: volatility + by }), volatility * 1e-3)
  const rho = slope(by => ({ ...inputs, rate: rate + by }), rateStep)
  const yieldRho = slope(by => ({ ...inputs, yieldRate: yieldRate + by }), rateStep)
  if (typeof vega !== 'number') return vega
  if (typeof rho !== 'number') return rho
  if (typeof yieldRho !== 'number') return yieldRho
  const theta = rate * base.price - (rate - yieldRate) * spot * delta - 0.5 * volatility ** 2 * spot ** 2 * gamma
  const greeks = { price: base.price, delta, gamma, vega, theta, rho, yieldRho }
  // Where a step is too small to be counted.
  return Object.values(greeks).every(Number.isFinite) ? priced(greeks) : refused('not-representable', 'value')
}

const rateStep = 1e-4
