import type { OptionTerms } from '../reference/contract-terms.ts'
import { americanGreeks } from './american.ts'
import { momentMatchedAsian } from './asian.ts'
import { barrierOption, binaryBarrierOption } from './barrier.ts'
import { black76Greeks } from './black76.ts'
import { cashOrNothing } from './digital.ts'
import { effectiveTime, yearMillis, yearsBetween } from './effective-time.ts'
import { type Fair, type Fixing, fixingsWithin, type IndexFacts, type MarkFlag, type MarkGreeks } from './marking.ts'
import { type Priced, priced } from './priced.ts'

const { abs, exp, max, sqrt } = Math

/** What an option's price follows from: `forward` is the mark of its future, or the mean of the index that lies ahead. */
export interface OptionMarket {
  readonly forward: number
  readonly volatility: number
  readonly rate: number
  readonly nowMillis: number
  readonly expirationMillis: number
}

/** Of its future, over which the settlement price is averaged. */
export interface Averaging {
  readonly startMillis: number
}

/**
 * An option on a future: European by Black-76, American by Andersen, Lake and Offengenden (2016) with the rate as its yield.
 * The volatility is that of the index: scaled by √(effective years / years), because the part of the average that is made
 * varies no more (effective-time.ts).
 */
export const vanillaFair = (terms: OptionTerms, market: OptionMarket, averaging: Averaging): Priced<Fair> => {
  const { optionType } = terms
  const { forward, rate, nowMillis, expirationMillis } = market
  const timeYears = yearsBetween(nowMillis, expirationMillis)
  const effective = effectiveTime(nowMillis, averaging.startMillis, expirationMillis)
  const scale = sqrt(effective.years / timeYears)
  const volatility = market.volatility * scale
  const strike = Number(terms.strike)
  if (terms.exercise === 'european') {
    const answer = black76Greeks({ optionType, forward, strike, timeYears, volatility, rate })
    if (!answer.priced) return answer
    const { price, ...greeks } = answer.value
    return priced({
      price,
      method: 'black-76',
      volatility: market.volatility,
      greeks: inIndexVolatility(greeks, scale, rate * price, effective.decay / scale ** 2),
    })
  }
  const inputs = { optionType, spot: forward, strike, timeYears, volatility, rate, yieldRate: rate }
  const answer = americanGreeks(inputs)
  if (!answer.priced) return answer
  const { price, yieldRho, ...greeks } = answer.value
  const rho = greeks.rho + yieldRho
  return priced({
    price,
    method: 'american',
    volatility: market.volatility,
    greeks: inIndexVolatility({ ...greeks, rho }, scale, rate * price, effective.decay / scale ** 2),
  })
}

/** By volatility of the index instead of the scaled one; and the time value decays as the effective time passes. */
const inIndexVolatility = (
  { delta, gamma, vega, theta, rho }: MarkGreeks,
  scale: number,
  carry: number,
  pace: number,
): MarkGreeks => ({ delta, gamma, vega: vega * scale, theta: carry + (theta - carry) * pace, rho })

/** Greeks by central differences of a price by forward, volatility, rate and time. */
const bumped = (market: OptionMarket, price: (market: OptionMarket) => Priced<number>): MarkGreeks | undefined => {
  const at = (change: Partial<OptionMarket>): number => {
    const answer = price({ ...market, ...change })
    return answer.priced ? answer.value : Number.NaN
  }
  const { forward, volatility, rate, nowMillis, expirationMillis } = market
  const [step, wider, basisPoint] = [forward * 1e-3, volatility * 1e-3, 1e-4]
  const [up, here, down] = [at({ forward: forward + step }), at({}), at({ forward: forward - step })]
  const soonMillis = Math.min(3_600_000, (expirationMillis - nowMillis) / 4)
  const greeks = {
    delta: (up - down) / (2 * step),
    gamma: (up - 2 * here + down) / (step * step),
    vega: (at({ volatility: volatility + wider }) - at({ volatility: volatility - wider })) / (2 * wider),
    theta: ((at({ nowMillis: nowMillis + soonMillis }) - here) * yearMillis) / soonMillis,
    rho: (at({ rate: rate + basisPoint }) - at({ rate: rate - basisPoint })) / (2 * basisPoint),
  }
  return Object.values(greeks).every(Number.isFinite) ? greeks : undefined
}

const withGreeks = (
  market: OptionMarket,
  method: Fair['method'],
  price: (market: OptionMarket) => Priced<number>,
  flags: readonly MarkFlag[] = [],
): Priced<Fair> => {
  const answer = price(market)
  if (!answer.priced) return answer
  const greeks = bumped(market, price)
  return priced({
    price: answer.value,
    method,
    flags,
    volatility: market.volatility,
    ...(greeks === undefined ? {} : { greeks }),
  })
}

/** A digital on a future: pays its cash where the settlement price ends beyond the strike. Reiner and Rubinstein (1991). */
export const digitalFair = (terms: OptionTerms, market: OptionMarket, averaging: Averaging): Priced<Fair> =>
  withGreeks(market, 'digital', at => {
    const { timeYears, volatility } = scaled(at, averaging)
    const { rate } = at
    const inputs = { spot: at.forward, strike: Number(terms.strike), timeYears, volatility, rate, yieldRate: rate }
    return cashOrNothing({ optionType: terms.optionType, ...inputs }, Number(terms.cash ?? '0'))
  })

const scaled = (
  { nowMillis, expirationMillis, volatility }: OptionMarket,
  { startMillis }: Averaging,
): { readonly timeYears: number; readonly volatility: number } => {
  const timeYears = yearsBetween(nowMillis, expirationMillis)
  const { years } = effectiveTime(nowMillis, startMillis, expirationMillis)
  return { timeYears, volatility: volatility * sqrt(years / timeYears) }
}

/** Whether a fixing since listing has reached the barrier. */
export const isKnocked = (
  { direction, level }: NonNullable<OptionTerms['barrier']>,
  fixings: readonly Fixing[],
  listedAtMillis: number,
): boolean => {
  const barrier = Number(level)
  const up = direction === 'up-in' || direction === 'up-out'
  return fixings.some(
    fixing => fixing.atMillis >= listedAtMillis && (up ? fixing.level >= barrier : fixing.level <= barrier),
  )
}

/**
 * A barrier option on a future, the barrier observed at the index's fixings: once a fixing has reached it, the plain option
 * or the rebate; else Reiner and Rubinstein (1991) with the correction for discrete observation of Broadie, Glasserman and
 * Kou (1997). The barrier is moved with the future's distance from the index, so that it is as far from the future as it
 * is from the index; both are taken to vary as one, with the scaled volatility of the average. The rebate is paid at expiration.
 */
export const barrierFair = (
  terms: OptionTerms,
  market: OptionMarket,
  averaging: Averaging,
  index: IndexFacts,
  listedAtMillis: number,
): Priced<Fair> => {
  const { barrier } = terms
  if (barrier === undefined) return vanillaFair(terms, market, averaging)
  const isIn = barrier.direction === 'up-in' || barrier.direction === 'down-in'
  if (isKnocked(barrier, index.fixings, listedAtMillis)) {
    if (isIn) {
      const plain =
        terms.cash === undefined ? vanillaFair(terms, market, averaging) : digitalFair(terms, market, averaging)
      return plain.priced ? priced({ ...plain.value, flags: ['knocked-in'] }) : plain
    }
    const discount = exp(-market.rate * yearsBetween(market.nowMillis, market.expirationMillis))
    return priced({ price: Number(barrier.rebate) * discount, method: 'decided', flags: ['knocked-out'] })
  }
  const shift = index.level === undefined ? 1 : market.forward / index.level
  const rebate = Number(barrier.rebate)
  return withGreeks(market, 'barrier', at => {
    const { timeYears, volatility } = scaled(at, averaging)
    const observations = max(fixingsWithin(at.nowMillis + 1, at.expirationMillis, index.intervalMillis), 1)
    const inputs = {
      optionType: terms.optionType,
      spot: at.forward,
      strike: Number(terms.strike),
      timeYears,
      volatility,
      rate: at.rate,
      yieldRate: at.rate,
      barrierType: barrier.direction,
      barrier: Number(barrier.level) * shift,
      observations,
    }
    if (terms.cash !== undefined) return binaryBarrierOption({ ...inputs, pays: Number(terms.cash) })
    const option = barrierOption({ ...inputs, rebate: 0 })
    if (!option.priced || rebate === 0) return option
    // What a knock-in pays where it is never in is the discounted chance of not touching.
    const type = barrier.direction === 'up-out' || barrier.direction === 'up-in' ? 'up-in' : 'down-in'
    const [withOne, without] = [1, 0].map(one => barrierOption({ ...inputs, barrierType: type, rebate: one }))
    if (withOne?.priced !== true || without?.priced !== true) return option
    const untouched = withOne.value - without.value
    const paid = isIn ? untouched : exp(-at.rate * timeYears) - untouched
    return priced(option.value + rebate * paid)
  })
}

/**
 * An average-price option on fixings of an index: Turnbull and Wakeman's two moments (asian.ts), past fixings taken out of
 * the strike; the mean that lies ahead is the forward. Good to some 1e-3 of the price. Once all fixings are made it is decided.
 */
export const averageFair = (
  terms: OptionTerms,
  market: OptionMarket,
  index: IndexFacts,
  past: { readonly count: number; readonly mean: number },
): Priced<Fair> => {
  const { aheadMillis, step } = averagingSchedule(terms, index, market.nowMillis, market.expirationMillis)
  const strike = Number(terms.strike)
  const sign = terms.optionType === 'call' ? 1 : -1
  if (aheadMillis.length === 0) {
    const value = sign * (past.mean - strike)
    const isPaid = value > 0
    const price = terms.cash === undefined ? max(value, 0) : isPaid ? Number(terms.cash) : 0
    return priced({ price, method: 'decided' })
  }
  const pastFixings = Math.round(past.count / step)
  const inputs = (at: OptionMarket) => ({
    optionType: terms.optionType,
    spot: at.forward,
    strike,
    timeYears: yearsBetween(at.nowMillis, at.expirationMillis),
    volatility: at.volatility,
    rate: at.rate,
    yieldRate: at.rate,
    fixingYears: aheadMillis.map(each => max(each - at.nowMillis, 0) / yearMillis),
    pastFixings,
    pastSum: pastFixings * past.mean,
  })
  if (terms.cash === undefined) return withGreeks(market, 'average-price', at => momentMatchedAsian(inputs(at)))
  // A digital is the limit of a narrow spread.
  const width = 1e-4 * strike
  return withGreeks(market, 'average-price', at => {
    const [low, high] = [-0.5, 0.5].map(by => momentMatchedAsian({ ...inputs(at), strike: strike + by * width }))
    if (low?.priced !== true) return low ?? priced(0)
    if (high?.priced !== true) return high ?? priced(0)
    return priced((Number(terms.cash) * abs(low.value - high.value)) / width)
  })
}

const mostFixings = 500

/**
 * When the fixings that lie ahead of an average are made. A schedule finer than 500 of them is thinned, every `step`th is
 * left: the mean of many equidistant fixings hardly varies with how many they are.
 */
export const averagingSchedule = (
  terms: OptionTerms,
  { intervalMillis }: IndexFacts,
  nowMillis: number,
  expirationMillis: number,
): { readonly aheadMillis: readonly number[]; readonly step: number } => {
  const startMillis = max(terms.averagingStartMillis ?? 0, nowMillis + 1)
  const aheadMillis: number[] = []
  const first = Math.ceil(startMillis / intervalMillis) * intervalMillis
  const count = fixingsWithin(startMillis, expirationMillis, intervalMillis)
  const step = max(Math.ceil(count / mostFixings), 1)
  for (let n = 0; n < count; n += step) aheadMillis.push(first + n * intervalMillis)
  return { aheadMillis, step }
}
