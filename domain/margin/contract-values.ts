import { american } from '../pricing/american.ts'
import { momentMatchedAsian, remainingAverage } from '../pricing/asian.ts'
import { barrierOption, sideOf } from '../pricing/barrier.ts'
import { black76 } from '../pricing/black76.ts'
import { cashOrNothing } from '../pricing/digital.ts'
import { fairSwapPrice } from '../pricing/discount-curve.ts'
import { signOf } from '../pricing/european.ts'
import { finitePrice, type Priced, refused } from '../pricing/priced.ts'
import { isHit } from '../pricing/touch.ts'
import type {
  BarrierTerms,
  ContractTerms,
  OptionTerms,
  SwapTerms,
  VarianceSwapTerms,
} from '../reference/contract-terms.ts'

const { abs, exp, log, max } = Math

/**
 * What a contract is valued from, in USD for each unit of its underlying (or in the unit of its series). What a kind needs
 * and is absent is refused as `missing-observation`.
 */
export interface ContractMarket {
  /** Forward of what is still to be fixed: the future of the period, the leg, the series. */
  readonly level: number
  readonly volatility?: number
  /** Continuously compounded per year. Contracts here are settled against their entry, so 0 unless the marks discount. */
  readonly rate?: number
  /** Share of a mean that is fixed already, and what it came to; it no longer moves. */
  readonly fixedShare?: number
  readonly fixedMean?: number
  /** Of an average-price option, see FixingAverageInputs. */
  readonly fixingYears?: readonly number[]
  readonly pastFixings?: number
  readonly pastSum?: number
  /** Of a barrier: whether it was touched, and how many fixings are still to observe it (absent: without pause). */
  readonly isTouched?: boolean
  readonly observations?: number
  /** … and what it is compared with, the index itself; the level unless told. */
  readonly observed?: number
  /** Of a swap: one for each leg that is left; the first may be fixed in part. */
  readonly legs?: readonly SwapLeg[]
  /** Of a variance swap. */
  readonly elapsedShare?: number
  readonly realisedVariance?: number
  readonly periodsPerYear?: number
  readonly returns?: number
}

export interface SwapLeg {
  readonly forward: number
  readonly discountFactor: number
  readonly unitHours: number
  readonly fixedShare: number
}

/** A state of the contract's underlying relative to now. */
export interface MarketState {
  readonly priceShift: number
  readonly volatilityShift: number
  readonly reachShift: number
  readonly yearsPassed: number
}

export const asItIs: MarketState = { priceShift: 0, volatilityShift: 0, reachShift: 0, yearsPassed: 0 }

/** No price here is below zero; the pricers take none at it. */
const lowestLevelShare = 1e-9
const lowestVolatility = 1e-4

/**
 * The price of one unit in a state, by full revaluation: never by delta and gamma. Structured products have no value here,
 * only the bounds that were proved at listing.
 */
export const contractValue = (
  terms: ContractTerms,
  timeYears: number,
  market: ContractMarket,
  state: MarketState,
): Priced<number> => {
  switch (terms.kind) {
    case 'option':
      return optionValue(terms, timeYears, market, state)
    case 'swap':
      return swapValue(terms, market, state)
    case 'variance_swap':
      return varianceValue(terms, market, state)
    case 'structured_product':
      return refused('unknown-choice', 'kind')
    default:
      return finitePrice(movedMean(market, state.priceShift))
  }
}

const movedLevel = ({ level }: ContractMarket, shift: number): number =>
  max(level * (1 + shift), level * lowestLevelShare)

/** The mean that a contract settles on: what is fixed stays, the rest moves. */
const movedMean = (market: ContractMarket, shift: number): number => {
  const { fixedShare = 0, fixedMean = 0 } = market
  return fixedShare * fixedMean + (1 - fixedShare) * movedLevel(market, shift)
}

const optionValue = (
  terms: OptionTerms,
  timeYears: number,
  market: ContractMarket,
  state: MarketState,
): Priced<number> => {
  const { rate = 0 } = market
  if (market.volatility === undefined) return refused('missing-observation', 'volatility')
  const volatility = max(market.volatility + state.volatilityShift, lowestVolatility)
  const forward = movedMean(market, state.priceShift)
  const years = timeYears - state.yearsPassed
  const strike = Number(terms.strike)
  const inputs = {
    optionType: terms.optionType,
    spot: forward,
    strike,
    timeYears: years,
    volatility,
    rate,
    yieldRate: rate,
  }
  if (terms.averagingStartMillis !== undefined) return averageOption(terms, inputs, market, state)
  const intrinsic = max(signOf(terms.optionType) * (forward - strike), 0)
  if (terms.barrier !== undefined) {
    const isTouched = market.isTouched === true || touches(terms.barrier, market, state)
    return barrierValue(barrierFor(terms.barrier, forward, market, state), inputs, isTouched, market, intrinsic)
  }
  if (terms.cash !== undefined) {
    const cash = Number(terms.cash)
    if (years > 0) return cashOrNothing(inputs, cash)
    return finitePrice(intrinsic > 0 ? cash : 0)
  }
  if (!(years > 0)) return finitePrice(intrinsic)
  return terms.exercise === 'american' ? american(inputs) : black76({ ...inputs, forward })
}

type SpotInputs = Parameters<typeof american>[0]

const observedOf = ({ level, observed = level }: ContractMarket, shift: number): number =>
  movedLevel({ level: observed }, shift)

/** Whether the move, or how far the price went on its way, is at or through the barrier. */
const touches = ({ direction, level }: BarrierTerms, market: ContractMarket, state: MarketState): boolean =>
  [0, state.priceShift, state.reachShift].some(shift =>
    isHit(sideOf(direction), observedOf(market, shift), Number(level)),
  )

/** As far from the forward as it is from what it is compared with, as the marks have it. */
const barrierFor = (
  barrier: BarrierTerms,
  forward: number,
  market: ContractMarket,
  { priceShift }: MarketState,
): BarrierTerms => {
  const ratio = forward / observedOf(market, priceShift)
  return ratio === 1 ? barrier : { ...barrier, level: String(Number(barrier.level) * ratio) }
}

const barrierValue = (
  { direction, level, rebate }: BarrierTerms,
  inputs: SpotInputs,
  isTouched: boolean,
  { observations }: ContractMarket,
  intrinsic: number,
): Priced<number> => {
  const knocksIn = direction === 'up-in' || direction === 'down-in'
  const paid = Number(rebate) * exp(-inputs.rate * max(inputs.timeYears, 0))
  if (isTouched && !knocksIn) return finitePrice(paid)
  if (!(inputs.timeYears > 0)) return finitePrice(isTouched === knocksIn ? intrinsic : paid)
  if (isTouched) return black76({ ...inputs, forward: inputs.spot })
  return barrierOption({
    ...inputs,
    barrierType: direction,
    barrier: Number(level),
    rebate: Number(rebate),
    ...(observations === undefined ? {} : { observations }),
  })
}

/** A digital is the limit of a narrow spread, as the marks have it. */
const averageOption = (
  { cash }: OptionTerms,
  inputs: SpotInputs,
  market: ContractMarket,
  state: MarketState,
): Priced<number> => {
  if (cash === undefined) return averageValue(inputs, market, state)
  const width = 1e-4 * inputs.strike
  const low = averageValue({ ...inputs, strike: inputs.strike - width / 2 }, market, state)
  const high = averageValue({ ...inputs, strike: inputs.strike + width / 2 }, market, state)
  if (!low.priced) return low
  return high.priced ? finitePrice((Number(cash) * abs(low.value - high.value)) / width) : high
}

/** Fixings that pass until the state are made at its price. */
const averageValue = (inputs: SpotInputs, market: ContractMarket, state: MarketState): Priced<number> => {
  const { fixingYears, pastFixings = 0, pastSum = 0 } = market
  if (fixingYears === undefined) return refused('missing-observation', 'fixingYears')
  const level = movedLevel(market, state.priceShift)
  const ahead = fixingYears.filter(years => years > state.yearsPassed || state.yearsPassed === 0)
  const made = fixingYears.length - ahead.length
  const average = {
    ...inputs,
    spot: level,
    fixingYears: ahead.map(years => years - state.yearsPassed),
    pastFixings: pastFixings + made,
    pastSum: pastSum + made * level,
  }
  if (inputs.timeYears > 0 && ahead.length > 0) return momentMatchedAsian(average)
  const total = average.pastFixings + ahead.length
  if (total === 0) return refused('too-few', 'fixingYears')
  if (ahead.length === 0) {
    const mean = average.pastSum / total
    return finitePrice(max(signOf(inputs.optionType) * (mean - inputs.strike), 0))
  }
  const { share, strike } = remainingAverage(average)
  return finitePrice(share * max(signOf(inputs.optionType) * (level - strike), 0))
}

const swapValue = (_: SwapTerms, { legs }: ContractMarket, { priceShift }: MarketState): Priced<number> => {
  if (legs === undefined) return refused('missing-observation', 'legs')
  return fairSwapPrice({
    discountFactors: legs.map(({ discountFactor }) => discountFactor),
    forwards: legs.map(({ forward, fixedShare }) =>
      max(forward * (1 + priceShift * (1 - fixedShare)), forward * lowestLevelShare),
    ),
    unitHours: legs.map(({ unitHours }) => unitHours),
  })
}

/**
 * Expected realised variance in squared points: the mean of what is realised and what is fair for the rest (Bossu et al.
 * 2005, § 4), and the move itself as one return among all that are counted.
 */
const varianceValue = (_: VarianceSwapTerms, market: ContractMarket, state: MarketState): Priced<number> => {
  const { volatility, elapsedShare = 0, realisedVariance = 0, periodsPerYear, returns } = market
  if (volatility === undefined) return refused('missing-observation', 'volatility')
  if (periodsPerYear === undefined) return refused('missing-observation', 'periodsPerYear')
  if (returns === undefined || !(returns >= 1)) return refused('missing-observation', 'returns')
  const ahead = max(volatility + state.volatilityShift, lowestVolatility) ** 2
  const jump = elapsedShare < 1 ? log(max(1 + state.priceShift, lowestLevelShare)) ** 2 * (periodsPerYear / returns) : 0
  return finitePrice(1e4 * (elapsedShare * realisedVariance + (1 - elapsedShare) * ahead + jump))
}
