import { choice, rateLimit, timeLimit } from './input-limits.ts'
import { normalCdf } from './normal.ts'
import type { Refused } from './priced.ts'

const { log, max } = Math

export type OptionType = 'call' | 'put'
export const optionTypes: readonly OptionType[] = ['call', 'put']

/** +1 for a call, −1 for a put: the sign in every formula of the family. */
export const signOf = (optionType: OptionType): 1 | -1 => (optionType === 'call' ? 1 : -1)

/** An option on a future: `forward` and `strike` in the price unit, `rate` continuously compounded per year. */
export interface FutureOptionInputs {
  readonly optionType: OptionType
  readonly forward: number
  readonly strike: number
  readonly timeYears: number
  readonly volatility: number
  readonly rate: number
}

type Limit = (field: string, value: number) => Refused | undefined

/** What prices and volatilities may be is the model's. */
export const futureOptionLimits = (inputs: FutureOptionInputs, price: Limit, volatility: Limit): Refused | undefined =>
  choice('optionType', inputs.optionType, optionTypes) ??
  price('forward', inputs.forward) ??
  price('strike', inputs.strike) ??
  timeLimit('timeYears', inputs.timeYears) ??
  volatility('volatility', inputs.volatility) ??
  rateLimit('rate', inputs.rate)

/**
 * The core that Black-76, Black–Scholes–Merton, forward starts and the approximations share: the undiscounted value of
 * max(±(X − strike), 0) for lognormal X with mean `forward` and standard deviation `deviation` = σ√T of ln X.
 * Inputs are checked by the callers; strike ≤ 0 and deviation 0 have their limits.
 */
export const lognormalOption = (sign: 1 | -1, forward: number, strike: number, deviation: number): number => {
  if (!(deviation > 0) || strike <= 0) return max(sign * (forward - strike), 0)
  const d1 = log(forward / strike) / deviation + deviation / 2
  // By parity from the side that is out of the money: the other one would lose what is not intrinsic to rounding.
  const side = forward > strike ? -1 : 1
  const value = max(side * (forward * normalCdf(side * d1) - strike * normalCdf(side * (d1 - deviation))), 0)
  return side === sign ? value : sign * (forward - strike) + value
}

/** P(low < X < high) and E[X; low < X < high] for the same X; low may be 0, high Infinity. */
export const lognormalInterval = (
  forward: number,
  deviation: number,
  low: number,
  high: number,
): readonly [probability: number, mean: number] => {
  if (low >= high) return [0, 0]
  const d2 = (level: number): number =>
    level <= 0 ? Infinity : level === Infinity ? -Infinity : log(forward / level) / deviation - deviation / 2
  const [below, above] = [d2(low), d2(high)]
  // Differences are taken in the tail that is small, where they keep their digits.
  const mass = (from: number, to: number): number =>
    from <= 0 ? normalCdf(from) - normalCdf(to) : normalCdf(-to) - normalCdf(-from)
  return [mass(below, above), forward * mass(below + deviation, above + deviation)]
}
