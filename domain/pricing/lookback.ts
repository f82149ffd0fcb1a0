import { type SpotOptionInputs, spotOptionLimits } from './black-scholes-merton.ts'
import { positivePrice } from './input-limits.ts'
import { normalCdf } from './normal.ts'
import { finitePrice, type Priced } from './priced.ts'

const { abs, exp, log, max, min, sqrt } = Math

type LookbackMarket = Omit<SpotOptionInputs, 'strike'>

/** Below this |2b/σ²| the formula is interpolated across its removable pole at zero carry: an error of its square. */
const nearZeroCarry = 1e-5

const floating = (market: LookbackMarket, extreme: number): number => {
  const carry = market.rate - market.yieldRate
  const pole = (nearZeroCarry * market.volatility ** 2) / 2
  if (abs(carry) >= pole) return floatingAtCarry(market, extreme, carry)
  const [low, high] = [floatingAtCarry(market, extreme, -pole), floatingAtCarry(market, extreme, pole)]
  return low + ((high - low) * (carry + pole)) / (2 * pole)
}

const floatingAtCarry = (market: LookbackMarket, extreme: number, carry: number): number => {
  const { spot, timeYears, volatility, rate } = market
  // A call is paid above the minimum, a put below the maximum: one formula, mirrored by the sign.
  const sign = market.optionType === 'call' ? 1 : -1
  const root = sqrt(timeYears)
  const deviation = volatility * root
  const discount = exp(-rate * timeYears)
  const carried = exp(carry * timeYears)
  const a1 = (log(spot / extreme) + carry * timeYears) / deviation + deviation / 2
  const tail = normalCdf(sign * ((2 * carry * root) / volatility - a1))
  const reflected = tail === 0 ? 0 : exp(((-2 * carry) / volatility ** 2) * log(spot / extreme)) * tail
  const premium = ((spot * volatility ** 2) / (2 * carry)) * (reflected - carried * normalCdf(-sign * a1))
  return (
    sign * discount * (spot * carried * normalCdf(sign * a1) - extreme * normalCdf(sign * (a1 - deviation)) + premium)
  )
}

/** The extreme so far lies on the far side of the spot: a minimum at or below it, a maximum at or above it. */
const extremeOf = (optionType: 'call' | 'put', spot: number, observed: number): number =>
  optionType === 'call' ? min(spot, observed) : max(spot, observed)

/**
 * Pays index − minimum (call) or maximum − index (put) over the life; `observedExtreme` is the minimum or maximum so far.
 * Goldman, Sosin and Gatto, "Path dependent options: buy at the low, sell at the high", J. Finance 34 (1979).
 */
export const floatingLookback = (inputs: LookbackMarket, observedExtreme: number): Priced<number> => {
  const refusal =
    spotOptionLimits({ ...inputs, strike: inputs.spot }) ?? positivePrice('observedExtreme', observedExtreme)
  if (refusal !== undefined) return refusal
  return finitePrice(max(floating(inputs, extremeOf(inputs.optionType, inputs.spot, observedExtreme)), 0))
}

/**
 * Pays max(maximum − strike, 0) (call) or max(strike − minimum, 0) (put). Conze and Viswanathan, "Path dependent options:
 * the case of lookback options", J. Finance 46 (1991), here by parity with the floating strike.
 */
export const fixedLookback = (inputs: SpotOptionInputs, observedExtreme: number): Priced<number> => {
  const refusal = spotOptionLimits(inputs) ?? positivePrice('observedExtreme', observedExtreme)
  if (refusal !== undefined) return refusal
  const { optionType, spot, strike, timeYears, rate, yieldRate } = inputs
  const forwardContract = spot * exp(-yieldRate * timeYears) - strike * exp(-rate * timeYears)
  if (optionType === 'call') {
    const extreme = max(extremeOf('put', spot, observedExtreme), strike)
    return finitePrice(max(floating({ ...inputs, optionType: 'put' }, extreme) + forwardContract, 0))
  }
  const extreme = min(extremeOf('call', spot, observedExtreme), strike)
  return finitePrice(max(floating({ ...inputs, optionType: 'call' }, extreme) - forwardContract, 0))
}
