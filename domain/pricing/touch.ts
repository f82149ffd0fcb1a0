import { type SpotOptionInputs, spotOptionLimits } from './black-scholes-merton.ts'
import { nonNegativePrice, positivePrice } from './input-limits.ts'
import { killedPayoff } from './killed-payoff.ts'
import { normalCdf } from './normal.ts'
import { finitePrice, type Priced, refused } from './priced.ts'

const { exp, log, sqrt } = Math

export type Side = 'down' | 'up'
export type SpotMarket = Omit<SpotOptionInputs, 'optionType' | 'strike'>

/** Whether the index is at or through the barrier already. */
export const isHit = (side: Side, spot: number, barrier: number): boolean =>
  side === 'down' ? spot <= barrier : spot >= barrier

const limits = (market: SpotMarket, barrier: number, cash: number) =>
  spotOptionLimits({ ...market, optionType: 'call', strike: barrier }) ??
  positivePrice('barrier', barrier) ??
  nonNegativePrice('cash', cash)

/** Probability, times the discount factor to expiry, of never touching the barrier. Unchecked; the spot is inside. */
export const noTouchValue = (market: SpotMarket, side: Side, barrier: number): number => {
  const [lower, upper] = side === 'down' ? [barrier, Infinity] : [0, barrier]
  return killedPayoff(market, { cash: 1, asset: 0, low: 0, high: Infinity }, lower, upper)
}

/**
 * Value of 1 paid at the moment of touching; undefined where the rates make its exponent complex (a rate so negative that
 * (drift/σ)² + 2r < 0). Unchecked; the spot is inside. Reiner and Rubinstein (1991); Haug (2007), § 4.17.1, formula F.
 */
export const touchAtHitValue = (market: SpotMarket, side: Side, barrier: number): number | undefined => {
  const { spot, timeYears, volatility, rate, yieldRate } = market
  const variance = volatility ** 2
  const mu = (rate - yieldRate) / variance - 0.5
  const square = mu * mu + (2 * rate) / variance
  if (square < 0) return undefined
  const lambda = sqrt(square)
  const deviation = volatility * sqrt(timeYears)
  const eta = side === 'down' ? 1 : -1
  const ratio = log(barrier / spot)
  const z = ratio / deviation + lambda * deviation
  const term = (exponent: number, x: number): number => {
    const probability = normalCdf(x)
    return probability === 0 ? 0 : exp(exponent * ratio) * probability
  }
  return term(mu + lambda, eta * z) + term(mu - lambda, eta * (z - 2 * lambda * deviation))
}

/** `cash` paid when the index first touches the barrier from inside; `cash` itself where it is there already. */
export const oneTouchAtHit = (market: SpotMarket, side: Side, barrier: number, cash: number): Priced<number> => {
  const refusal = limits(market, barrier, cash)
  if (refusal !== undefined) return refusal
  if (isHit(side, market.spot, barrier)) return finitePrice(cash)
  const value = touchAtHitValue(market, side, barrier)
  return value === undefined ? refused('complex-hitting-exponent', 'rate') : finitePrice(cash * value)
}

/** `cash` paid at expiry if the barrier was touched. */
export const oneTouchAtExpiry = (market: SpotMarket, side: Side, barrier: number, cash: number): Priced<number> => {
  const none = noTouch(market, side, barrier, cash)
  return none.priced ? finitePrice(cash * exp(-market.rate * market.timeYears) - none.value) : none
}

/** `cash` paid at expiry if the barrier was never touched. Reiner and Rubinstein (1991), formula E. */
export const noTouch = (market: SpotMarket, side: Side, barrier: number, cash: number): Priced<number> =>
  limits(market, barrier, cash) ??
  finitePrice(isHit(side, market.spot, barrier) ? 0 : cash * noTouchValue(market, side, barrier))
