import type { FutureTerms, SwapTerms, VarianceSwapTerms } from '../reference/contract-terms.ts'
import { type ForwardCurve, type ForwardPeriod, forwardOf, parRate } from './forward-curve.ts'
import {
  type ContractFacts,
  type Fair,
  type Fixing,
  fixedSoFar,
  guarded,
  type IndexFacts,
  type Mark,
  type MarkingParameters,
  marketMark,
  tightMid,
  unguarded,
} from './marking.ts'
import { sliceVolatility, type VolatilitySlice } from './surface.ts'
import { realisedVariance, smileVariance } from './variance-swap.ts'

const { abs, max } = Math

/** Of the mean too little is left for the market to say anything of the rest. */
const leastShareAhead = 0.02

/**
 * A future on a mean of fixings: those that are made, and for the rest the index's level with the basis at which the market
 * has held it, an exponentially weighted mean over time. Guarded by its own book; without a level only the market speaks.
 */
export const markFuture = (
  contract: ContractFacts,
  terms: FutureTerms,
  index: IndexFacts,
  parameters: MarkingParameters,
  nowMillis: number,
): Mark | undefined => {
  const { expirationMillis } = contract.instrument.specification
  const soFar = fixedSoFar(index, terms.averagingStartMillis, expirationMillis, nowMillis)
  const ahead = 1 - soFar.share
  if (ahead === 0 && soFar.count > 0)
    return guarded(contract, { price: soFar.mean, method: 'decided' }, parameters, nowMillis)
  if (index.level === undefined) return marketMark(contract, ['no-index'], parameters, nowMillis)
  const basis = basisOf(contract, index.level, soFar, parameters, nowMillis)
  const price = soFar.share * soFar.mean + ahead * index.level * (1 + basis)
  return guarded(contract, { price, method: 'index-and-book', basis }, parameters, nowMillis)
}

const basisOf = (
  { book, previous }: ContractFacts,
  level: number,
  soFar: { readonly mean: number; readonly share: number },
  { maxSpread, basisHalfLifeMillis }: MarkingParameters,
  nowMillis: number,
): number => {
  const before = previous?.basis
  const mid = tightMid(book, maxSpread)
  const ahead = 1 - soFar.share
  if (mid === undefined || ahead < leastShareAhead) return before ?? 0
  const observed = (mid - soFar.share * soFar.mean) / ahead / level - 1
  // Below −1 the rest would have a price below nothing.
  if (!(observed > -1)) return before ?? 0
  if (before === undefined || previous === undefined) return observed
  const kept = 0.5 ** (max(nowMillis - previous.atMillis, 0) / basisHalfLifeMillis)
  return observed + (before - observed) * kept
}

/** What the mark of a future says of the part of its period that lies ahead. */
export const forwardPeriodOf = (
  markPrice: number,
  terms: FutureTerms,
  expirationMillis: number,
  index: IndexFacts,
  nowMillis: number,
): ForwardPeriod | undefined => {
  const soFar = fixedSoFar(index, terms.averagingStartMillis, expirationMillis, nowMillis)
  const ahead = 1 - soFar.share
  const price = ahead < leastShareAhead ? 0 : (markPrice - soFar.share * soFar.mean) / ahead
  return price > 0 ? { startMillis: terms.averagingStartMillis, endMillis: expirationMillis, price } : undefined
}

/** A swap: the fixed rate at which the legs that are left are worth nothing, each by its fixings so far and its forward. */
export const markSwap = (
  contract: ContractFacts,
  terms: SwapTerms,
  index: IndexFacts,
  curve: ForwardCurve,
  parameters: MarkingParameters,
  nowMillis: number,
): Mark | undefined => {
  const { boundariesMillis } = terms
  const legs: { readonly mean: number; readonly endMillis: number }[] = []
  for (let leg = contract.instrument.settledLegs; leg < boundariesMillis.length - 1; leg++) {
    const [startMillis = 0, endMillis = 0] = [boundariesMillis[leg], boundariesMillis[leg + 1]]
    // A leg ends where the next begins: that fixing is the next one's.
    const soFar = fixedSoFar(index, startMillis, endMillis - 1, nowMillis)
    const forward = soFar.share < 1 ? forwardOf(curve, startMillis, endMillis)?.price : soFar.mean
    if (forward === undefined || !(forward > 0)) return marketMark(contract, ['no-model-price'], parameters, nowMillis)
    legs.push({ mean: soFar.share * soFar.mean + (1 - soFar.share) * forward, endMillis })
  }
  const rate = parRate(legs, nowMillis, parameters.rate)
  return rate.priced
    ? guarded(contract, { price: rate.value, method: 'curve' }, parameters, nowMillis)
    : marketMark(contract, ['no-model-price'], parameters, nowMillis)
}

const yearMillis = 31_536_000_000

/** The fixings that a variance swap takes: the first from its start on, and each an interval after another. */
export const observedFixings = (terms: VarianceSwapTerms, fixings: readonly Fixing[]): readonly Fixing[] => {
  const first = fixings.find(({ atMillis }) => atMillis >= terms.observationStartMillis)?.atMillis
  if (first === undefined) return []
  return fixings.filter(
    ({ atMillis }) => atMillis >= first && (atMillis - first) % terms.observationIntervalMillis === 0,
  )
}

/**
 * A variance swap in squared volatility points: variance is additive in time, so what is realised and what the smile of the
 * options says of the rest are weighed by their times. Without a level the smile still has its volatilities.
 */
export const markVarianceSwap = (
  contract: ContractFacts,
  terms: VarianceSwapTerms,
  index: IndexFacts,
  smile: { readonly slice: VolatilitySlice; readonly flags: Fair['flags'] } | undefined,
  parameters: MarkingParameters,
  nowMillis: number,
): Mark | undefined => {
  const { expirationMillis } = contract.instrument.specification
  const { observationIntervalMillis: interval } = terms
  const fixings = observedFixings(terms, index.fixings)
  const [first, last] = [fixings[0], fixings.at(-1)]
  const startMillis = first?.atMillis ?? terms.observationStartMillis
  const spanMillis = (last?.atMillis ?? startMillis) - startMillis
  const elapsed = spanMillis / (expirationMillis - startMillis)
  const returns = fixings.length - 1
  let realised = 0
  if (returns >= 1) {
    const variance = realisedVariance(
      fixings.map(({ level }) => level),
      (returns * yearMillis) / spanMillis,
      'zero-mean-n',
    )
    if (!variance.priced) return marketMark(contract, ['no-model-price'], parameters, nowMillis)
    realised = variance.value
  }
  let fair = 0
  const periodsAhead = Math.floor((expirationMillis - startMillis - spanMillis) / interval)
  const share = periodsAhead < 1 ? 1 : elapsed
  if (share < 1) {
    if (smile === undefined) return marketMark(contract, ['no-model-price'], parameters, nowMillis)
    const { slice } = smile
    const variance = smileVariance(slice.forward, slice.timeYears, strike => sliceVolatility(slice, strike))
    if (!variance.priced) return marketMark(contract, ['no-model-price'], parameters, nowMillis)
    fair = variance.value
  }
  const price = 10_000 * (share * realised + (1 - share) * fair)
  const flags = share < 1 ? (smile?.flags ?? []) : []
  return guarded(
    contract,
    { price, method: 'replication', flags, volatility: Math.sqrt(abs(price)) / 100 },
    parameters,
    nowMillis,
  )
}

/**
 * A contract on measured windows. What it would settle at by the windows so far counts by how much of the period has
 * passed, the market for the rest. A bond's penalties add up, so what is drawn already is the least it is worth.
 */
export const markMeasured = (
  contract: ContractFacts,
  terms: { readonly kind: string; readonly periodStartMillis: number },
  parameters: MarkingParameters,
  nowMillis: number,
): Mark | undefined => {
  const { soFar } = contract
  const market = marketMark(contract, [], parameters, nowMillis)
  if (soFar === undefined) return market
  const { expirationMillis, tickSize } = contract.instrument.specification
  const length = expirationMillis - terms.periodStartMillis
  const elapsed = Math.min(max((nowMillis - terms.periodStartMillis) / length, 0), 1)
  const rest = market === undefined || market.method === 'previous-mark' ? soFar : market.markTicks * Number(tickSize)
  const price = terms.kind === 'performance_bond' ? max(soFar, rest) : elapsed * soFar + (1 - elapsed) * rest
  return unguarded(contract, { price, method: 'measured' })
}
