import { effectiveTime, yearMillis, yearsBetween } from '../pricing/effective-time.ts'
import { type ForwardCurve, forwardOf } from '../pricing/forward-curve.ts'
import { observedFixings } from '../pricing/linear-marks.ts'
import { averagingFrom, fixedSoFar, fixingsWithin, type IndexFacts } from '../pricing/marking.ts'
import { averagingSchedule, isKnocked } from '../pricing/option-marks.ts'
import { realisedVariance } from '../pricing/variance-swap.ts'
import type { FutureTerms, OptionTerms, SwapTerms, VarianceSwapTerms } from '../reference/contract-terms.ts'
import type { Instrument } from '../reference/instrument.ts'
import type { ContractMarket, SwapLeg } from './contract-values.ts'

const { exp, max, min, sqrt } = Math

/** What is known of a contract when an epoch is made: its mark, and what the mark follows from. */
export interface MarkedFacts {
  readonly instrument: Instrument
  readonly listedAtMillis: number
  /** In the price unit. */
  readonly markPrice: number
  /** What the model said, before book and index guarded it. */
  readonly fairPrice: number
  /** Of its index, as its mark has it: 0.8 is 80 %. */
  readonly markVolatility?: number
  /** Of an option on one: the future and its mark. */
  readonly future?: { readonly terms: FutureTerms; readonly price: number }
  readonly index: IndexFacts
  /** Of the index. */
  readonly curve: ForwardCurve
  /** Of a contract on measured windows: what it would settle at if the period ended now. */
  readonly soFar?: number
  readonly rate: number
  readonly nowMillis: number
}

/** Of a mean less than this is ahead: the market says nothing of the rest. */
const leastShareAhead = 0.02

/**
 * The market of a contract for `contractValue`, so that it values the contract as its mark does: the same forwards, the
 * volatility of the index scaled to the average that the contract settles on, the same fixings. Undefined where it cannot be
 * told: then the contract is covered by its bounds.
 */
export const contractMarketOf = (facts: MarkedFacts): ContractMarket | undefined => {
  const { terms } = facts.instrument
  switch (terms.kind) {
    case 'future':
      return futureMarket(terms, facts.markPrice, facts)
    case 'option':
      return optionMarket(terms, facts)
    case 'swap':
      return swapMarket(terms, facts)
    case 'variance_swap':
      return varianceMarket(terms, facts)
    case 'structured_product':
      return undefined
    case 'performance_bond':
      return levelMarket(facts.markPrice)
    default:
      return 'periodStartMillis' in terms ? measuredMarket(terms, facts) : levelMarket(facts.markPrice)
  }
}

const levelMarket = (level: number): ContractMarket | undefined => (level > 0 ? { level } : undefined)

/** The mean that a future settles on: what is fixed, and for the rest the level that makes its mark. */
const futureMarket = (
  { averagingStartMillis }: FutureTerms,
  price: number,
  { instrument, index, nowMillis }: MarkedFacts,
): ContractMarket | undefined => {
  const { expirationMillis } = instrument.specification
  const { share, mean, count } = fixedSoFar(index, averagingStartMillis, expirationMillis, nowMillis)
  if (share >= 1) return count === 0 ? undefined : { level: mean, fixedShare: 1, fixedMean: mean }
  const implied = share > 1 - leastShareAhead ? 0 : (price - share * mean) / (1 - share)
  const level = implied > 0 ? implied : (index.level ?? price)
  return level > 0 ? { level, ...(share === 0 ? {} : { fixedShare: share, fixedMean: mean }) } : undefined
}

const optionMarket = (terms: OptionTerms, facts: MarkedFacts): ContractMarket | undefined => {
  if (facts.markVolatility === undefined && facts.instrument.specification.expirationMillis > facts.nowMillis)
    return decidedMarket(terms, facts)
  return terms.underlyingInstrument === undefined ? averageMarket(terms, facts) : onFutureMarket(terms, facts)
}

/** A mark without a volatility: of what nothing can change any more. A knock-out is worth its rebate in any state. */
const decidedMarket = (terms: OptionTerms, facts: MarkedFacts): ContractMarket | undefined => {
  const { barrier } = terms
  if (barrier === undefined || facts.future === undefined) return undefined
  const isOut = barrier.direction === 'up-out' || barrier.direction === 'down-out'
  if (!isOut || !isKnocked(barrier, facts.index.fixings, facts.listedAtMillis)) return undefined
  const onFuture = futureMarket(facts.future.terms, facts.future.price, facts)
  return onFuture === undefined ? undefined : { ...onFuture, volatility: 0, rate: facts.rate, isTouched: true }
}

const onFutureMarket = (terms: OptionTerms, facts: MarkedFacts): ContractMarket | undefined => {
  const { future, index, nowMillis, rate, markVolatility = 0, listedAtMillis } = facts
  const { expirationMillis } = facts.instrument.specification
  if (future === undefined) return undefined
  const onFuture = futureMarket(future.terms, future.price, facts)
  if (onFuture === undefined) return undefined
  const startMillis = averagingFrom(index, future.terms.averagingStartMillis, expirationMillis, nowMillis)
  const { years } = effectiveTime(nowMillis, startMillis, expirationMillis)
  const volatility = markVolatility * sqrt(years / yearsBetween(nowMillis, expirationMillis))
  const { barrier } = terms
  if (barrier === undefined) return { ...onFuture, volatility, rate }
  return {
    ...onFuture,
    volatility,
    rate,
    isTouched: isKnocked(barrier, index.fixings, listedAtMillis),
    observations: max(fixingsWithin(nowMillis + 1, expirationMillis, index.intervalMillis), 1),
    ...(index.level === undefined ? {} : { observed: index.level }),
  }
}

const averageMarket = (terms: OptionTerms, facts: MarkedFacts): ContractMarket | undefined => {
  const { index, curve, nowMillis, rate, markVolatility = 0 } = facts
  const { expirationMillis } = facts.instrument.specification
  const startMillis = terms.averagingStartMillis ?? expirationMillis
  const past = fixedSoFar(index, startMillis, expirationMillis, nowMillis)
  const level = past.share < 1 ? forwardOf(curve, startMillis, expirationMillis)?.price : past.mean
  if (level === undefined || !(level > 0)) return undefined
  const { aheadMillis, step } = averagingSchedule(terms, index, nowMillis, expirationMillis)
  const pastFixings = max(Math.round(past.count / step), aheadMillis.length === 0 ? min(past.count, 1) : 0)
  return {
    level,
    volatility: markVolatility,
    rate,
    fixingYears: aheadMillis.map(each => max(each - nowMillis, 0) / yearMillis),
    pastFixings,
    pastSum: pastFixings * past.mean,
  }
}

const swapMarket = (terms: SwapTerms, facts: MarkedFacts): ContractMarket | undefined => {
  const { index, curve, nowMillis, rate, instrument } = facts
  const { boundariesMillis } = terms
  const legs: SwapLeg[] = []
  for (let leg = instrument.settledLegs; leg < boundariesMillis.length - 1; leg += 1) {
    const [startMillis = 0, endMillis = 0] = [boundariesMillis[leg], boundariesMillis[leg + 1]]
    // A leg ends where the next begins: that fixing is the next one's.
    const { share, mean } = fixedSoFar(index, startMillis, endMillis - 1, nowMillis)
    const ahead = share < 1 ? forwardOf(curve, startMillis, endMillis)?.price : mean
    if (ahead === undefined || !(ahead > 0)) return undefined
    const forward = share * mean + (1 - share) * ahead
    legs.push({
      forward,
      discountFactor: min(exp((-rate * (endMillis - nowMillis)) / yearMillis), 1),
      unitHours: 1,
      // Of the leg's mean, not of its fixings: only what is ahead moves, and by parts of itself.
      fixedShare: 1 - ((1 - share) * ahead) / forward,
    })
  }
  const [first] = legs
  return first === undefined ? undefined : { level: first.forward, legs }
}

/** What is realised is known; the rest of the mark is the variance that lies ahead. */
const varianceMarket = (terms: VarianceSwapTerms, facts: MarkedFacts): ContractMarket | undefined => {
  const { index, fairPrice, instrument } = facts
  const { expirationMillis } = instrument.specification
  const { observationIntervalMillis: interval } = terms
  const fixings = observedFixings(terms, index.fixings)
  const [first, last] = [fixings[0], fixings.at(-1)]
  const startMillis = first?.atMillis ?? terms.observationStartMillis
  const spanMillis = (last?.atMillis ?? startMillis) - startMillis
  const made = max(fixings.length - 1, 0)
  const ahead = Math.floor((expirationMillis - startMillis - spanMillis) / interval)
  const elapsedShare = ahead < 1 ? 1 : spanMillis / (expirationMillis - startMillis)
  const realised =
    made < 1
      ? { priced: true as const, value: 0 }
      : realisedVariance(
          fixings.map(({ level }) => level),
          (made * yearMillis) / spanMillis,
          'zero-mean-n',
        )
  if (!realised.priced) return undefined
  const variance =
    elapsedShare < 1 ? max(fairPrice / 10_000 - elapsedShare * realised.value, 0) / (1 - elapsedShare) : 0
  return {
    level: index.level ?? last?.level ?? 1,
    volatility: sqrt(variance),
    elapsedShare,
    realisedVariance: realised.value,
    periodsPerYear: yearMillis / interval,
    returns: max(made + ahead, 1),
  }
}

/** What was measured stays; what is still to be measured moves. */
const measuredMarket = (
  { periodStartMillis }: { readonly periodStartMillis: number },
  { instrument, markPrice, soFar, nowMillis }: MarkedFacts,
): ContractMarket | undefined => {
  const { expirationMillis } = instrument.specification
  const elapsed = min(max((nowMillis - periodStartMillis) / (expirationMillis - periodStartMillis), 0), 1)
  if (soFar === undefined || elapsed === 0) return levelMarket(markPrice)
  if (elapsed >= 1) return { level: max(soFar, Number.MIN_VALUE), fixedShare: 1, fixedMean: soFar }
  const level = (markPrice - elapsed * soFar) / (1 - elapsed)
  return level > 0 ? { level, fixedShare: elapsed, fixedMean: soFar } : levelMarket(markPrice)
}
