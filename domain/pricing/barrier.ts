import { europeanSpotValue, type SpotOptionInputs, spotOptionLimits } from './black-scholes-merton.ts'
import { choice, nonNegativePrice, positivePrice, wholeNumber } from './input-limits.ts'
import { type IntervalPayoff, killedPayoff, vanillaPayoff } from './killed-payoff.ts'
import { finitePrice, type Priced, type Refused, refused } from './priced.ts'
import { isHit, noTouchValue, type Side, touchAtHitValue } from './touch.ts'

const { exp, sqrt } = Math

export type BarrierType = 'down-in' | 'down-out' | 'up-in' | 'up-out'
export const barrierTypes: readonly BarrierType[] = ['down-in', 'down-out', 'up-in', 'up-out']

export interface BarrierInputs extends SpotOptionInputs {
  readonly barrierType: BarrierType
  readonly barrier: number
  /** Paid when knocked out, or at expiry when never knocked in. */
  readonly rebate: number
  /** How many equally spaced observations there are until expiry; absent: observed continuously. */
  readonly observations?: number
}

export const barrierLimits = (inputs: BarrierInputs): Refused | undefined =>
  spotOptionLimits(inputs) ??
  choice('barrierType', inputs.barrierType, barrierTypes) ??
  positivePrice('barrier', inputs.barrier) ??
  nonNegativePrice('rebate', inputs.rebate) ??
  (inputs.observations === undefined ? undefined : wholeNumber('observations', inputs.observations, 1, 1_000_000))

export const sideOf = (barrierType: BarrierType): Side =>
  barrierType === 'down-in' || barrierType === 'down-out' ? 'down' : 'up'

/** −ζ(½)/√(2π). */
const overshoot = 0.5825971579390107

/**
 * The continuously observed barrier that stands for one observed at dates: moved away from the spot by exp(0.5826 σ √Δt).
 * Broadie, Glasserman and Kou, "A continuity correction for discrete barrier options", Mathematical Finance 7 (1997).
 */
const effectiveBarrier = ({ barrier, barrierType, observations, timeYears, volatility }: BarrierInputs): number => {
  if (observations === undefined) return barrier
  const shift = overshoot * volatility * sqrt(timeYears / observations)
  return barrier * exp(sideOf(barrierType) === 'down' ? -shift : shift)
}

/**
 * The eight barrier options. Merton (1973); Reiner and Rubinstein, "Breaking down the barriers", Risk 4 (1991); Haug
 * (2007), § 4.17.1. Where the barrier is hit already the knock-out is its rebate and the knock-in the vanilla option.
 */
export const barrierOption = (inputs: BarrierInputs): Priced<number> => {
  const refusal = barrierLimits(inputs)
  if (refusal !== undefined) return refusal
  const side = sideOf(inputs.barrierType)
  const knocksOut = inputs.barrierType === 'down-out' || inputs.barrierType === 'up-out'
  if (isHit(side, inputs.spot, inputs.barrier))
    return finitePrice(knocksOut ? inputs.rebate : europeanSpotValue(inputs))
  const barrier = effectiveBarrier(inputs)
  const [lower, upper] = side === 'down' ? [barrier, Infinity] : [0, barrier]
  const out = killedPayoff(inputs, vanillaPayoff(inputs.optionType, inputs.strike), lower, upper)
  if (!knocksOut) {
    const untouched = inputs.rebate === 0 ? 0 : inputs.rebate * noTouchValue(inputs, side, barrier)
    return finitePrice(positivePart(europeanSpotValue(inputs) - out) + untouched)
  }
  const touched = inputs.rebate === 0 ? 0 : touchAtHitValue(inputs, side, barrier)
  if (touched === undefined) return refused('complex-hitting-exponent', 'rate')
  return finitePrice(positivePart(out) + inputs.rebate * touched)
}

const positivePart = (value: number): number => Math.max(value, 0)

export interface BinaryBarrierInputs extends SpotOptionInputs {
  readonly barrierType: BarrierType
  readonly barrier: number
  /** What is paid at expiry where the option is alive and in the money: an amount of cash, or the index. */
  readonly pays: 'asset' | number
}

/**
 * Digital options that are knocked in or out, paid at expiry. Reiner and Rubinstein, "Unscrambling the binary code",
 * Risk 4 (1991), cases 13 to 28.
 */
export const binaryBarrierOption = (inputs: BinaryBarrierInputs): Priced<number> => {
  const refusal =
    spotOptionLimits(inputs) ??
    choice('barrierType', inputs.barrierType, barrierTypes) ??
    positivePrice('barrier', inputs.barrier) ??
    (inputs.pays === 'asset' ? undefined : nonNegativePrice('pays', inputs.pays))
  if (refusal !== undefined) return refusal
  const { low, high } = vanillaPayoff(inputs.optionType, inputs.strike)
  const amount = inputs.pays === 'asset' ? { cash: 0, asset: 1 } : { cash: inputs.pays, asset: 0 }
  const payoff: IntervalPayoff = { ...amount, low, high }
  const side = sideOf(inputs.barrierType)
  const [lower, upper] = side === 'down' ? [inputs.barrier, Infinity] : [0, inputs.barrier]
  const out = isHit(side, inputs.spot, inputs.barrier) ? 0 : killedPayoff(inputs, payoff, lower, upper)
  const knocksOut = inputs.barrierType === 'down-out' || inputs.barrierType === 'up-out'
  return finitePrice(positivePart(knocksOut ? out : killedPayoff(inputs, payoff, 0, Infinity) - out))
}

export interface DoubleBarrierInputs extends SpotOptionInputs {
  readonly knock: 'in' | 'out'
  readonly lowerBarrier: number
  readonly upperBarrier: number
}

/**
 * Knocked in or out by leaving a corridor, without rebate. Kunitomo and Ikeda (1992) with flat barriers; Haug (2007),
 * § 4.17.3. Where the index is outside already the knock-out is worthless and the knock-in the vanilla option.
 */
export const doubleBarrierOption = (inputs: DoubleBarrierInputs): Priced<number> => {
  const { spot, lowerBarrier, upperBarrier } = inputs
  const refusal =
    spotOptionLimits(inputs) ??
    choice('knock', inputs.knock, ['in', 'out']) ??
    positivePrice('lowerBarrier', lowerBarrier) ??
    positivePrice('upperBarrier', upperBarrier) ??
    (lowerBarrier < upperBarrier ? undefined : refused('not-ascending', 'upperBarrier'))
  if (refusal !== undefined) return refusal
  const outside = spot <= lowerBarrier || spot >= upperBarrier
  const payoff = vanillaPayoff(inputs.optionType, inputs.strike)
  const out = outside ? 0 : killedPayoff(inputs, payoff, lowerBarrier, upperBarrier)
  return finitePrice(positivePart(inputs.knock === 'out' ? out : europeanSpotValue(inputs) - out))
}
