import type { Instrument } from '../reference/instrument.ts'

const { abs, max, min, round } = Math

/** How marks are made: business parameters, versioned (see docs/decisions/0012-marks.md). Shares and rates as fractions. */
export interface MarkingParameters {
  /** Continuously compounded, a year. */
  readonly rate: number
  readonly defaultVolatility: number
  readonly correlation: number
  readonly maxSpread: number
  readonly maxDeviation: number
  readonly basisHalfLifeMillis: number
  readonly lastTradeMaxAgeMillis: number
  readonly sliceMaxAgeMillis: number
  readonly monteCarloPairs: number
}

/** Best prices and last trade in the price unit; 0: there is none. */
export interface BookFacts {
  readonly bid: number
  readonly ask: number
  readonly last: number
  readonly lastAtMillis: number
}

export const emptyBook: BookFacts = { bid: 0, ask: 0, last: 0, lastAtMillis: 0 }

export interface Fixing {
  readonly atMillis: number
  readonly level: number
}

/** What is known of an index: its level now, if any, and its fixings so far, ascending. */
export interface IndexFacts {
  readonly level: number | undefined
  readonly fixings: readonly Fixing[]
  readonly intervalMillis: number
}

export const unknownIndex: IndexFacts = { level: undefined, fixings: [], intervalMillis: 3_600_000 }

export interface PreviousMark {
  readonly price: number
  /** How far the market was from the index, as part of it. */
  readonly basis?: number
  readonly atMillis: number
}

/** One contract and what belongs to it alone. */
export interface ContractFacts {
  readonly instrument: Instrument
  readonly listedAtMillis: number
  readonly book: BookFacts
  readonly previous?: PreviousMark
  /** Of a contract on measured windows: what it would settle at if the period ended now. */
  readonly soFar?: number
}

/** By the future or index level; vega by 1.00 of volatility, theta by a year, rho by 1.00 of rate. */
export interface MarkGreeks {
  readonly delta: number
  readonly gamma: number
  readonly vega: number
  readonly theta: number
  readonly rho: number
}

export type MarkMethod =
  | 'index-and-book'
  | 'black-76'
  | 'american'
  | 'average-price'
  | 'digital'
  | 'barrier'
  | 'curve'
  | 'replication'
  | 'measured'
  | 'quadrature'
  | 'monte-carlo'
  | 'decided'
  | 'market'
  | 'previous-mark'

export type MarkFlag =
  | 'no-index'
  | 'no-model-price'
  | 'limited-by-index'
  | 'at-lowest-price'
  | 'at-highest-price'
  | 'default-volatility'
  | 'stored-slice'
  | 'knocked-in'
  | 'knocked-out'

/** A price by a model, before the market guards it. */
export interface Fair {
  readonly price: number
  readonly method: MarkMethod
  readonly flags?: readonly MarkFlag[]
  readonly volatility?: number
  readonly greeks?: MarkGreeks
  readonly basis?: number
  readonly standardError?: number
}

export interface Mark extends Omit<Fair, 'price' | 'flags'> {
  /** What the model says, or the market where no model does. */
  readonly fair: number
  readonly markTicks: number
  readonly flags: readonly MarkFlag[]
}

/** The middle of a book that is tight enough to count. */
export const tightMid = ({ bid, ask }: BookFacts, maxSpread: number): number | undefined => {
  if (!(bid > 0 && ask >= bid)) return undefined
  const mid = (bid + ask) / 2
  return ask - bid <= maxSpread * mid ? mid : undefined
}

export const freshTrade = (
  { last, lastAtMillis }: BookFacts,
  nowMillis: number,
  maxAgeMillis: number,
): number | undefined => (last > 0 && nowMillis - lastAtMillis <= maxAgeMillis ? last : undefined)

/** Of an even number the mean of the two in the middle. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** In ticks, at least 1 and at most the highest price. */
const ticksOf = (
  { instrument: { specification, maxPriceTicks } }: ContractFacts,
  price: number,
): { readonly markTicks: number; readonly flags: readonly MarkFlag[] } => {
  const ticks = round(price / Number(specification.tickSize))
  return {
    markTicks: min(max(ticks, 1), maxPriceTicks),
    flags: ticks < 1 ? ['at-lowest-price'] : ticks > maxPriceTicks ? ['at-highest-price'] : [],
  }
}

/** The mark is what the model says: of options, whose surface is fitted to their books already, and of what is decided. */
export const unguarded = (contract: ContractFacts, fair: Fair): Mark | undefined => {
  if (!Number.isFinite(fair.price)) return undefined
  const { markTicks, flags } = ticksOf(contract, fair.price)
  const { price, ...rest } = fair
  return { ...rest, fair: price, markTicks, flags: [...(fair.flags ?? []), ...flags] }
}

/**
 * The mark is the median of what the model says, the middle of the contract's book where it is tight, and its last trade
 * where that is fresh, and never farther than the declared share from the model: one side of a book alone moves nothing,
 * and both together only so far.
 */
export const guarded = (
  contract: ContractFacts,
  fair: Fair,
  parameters: MarkingParameters,
  nowMillis: number,
): Mark | undefined => {
  if (!Number.isFinite(fair.price)) return undefined
  // Nobody's opinion counts any more.
  if (fair.method === 'decided') return unguarded(contract, fair)
  const { book } = contract
  const candidates = [
    fair.price,
    tightMid(book, parameters.maxSpread),
    freshTrade(book, nowMillis, parameters.lastTradeMaxAgeMillis),
  ].filter(price => price !== undefined)
  const middle = median(candidates)
  const distance = parameters.maxDeviation * abs(fair.price)
  const price = min(max(middle, fair.price - distance), fair.price + distance)
  const { markTicks, flags } = ticksOf(contract, price)
  const { price: model, ...rest } = fair
  const limited: readonly MarkFlag[] = price === middle ? [] : ['limited-by-index']
  return { ...rest, fair: model, markTicks, flags: [...(fair.flags ?? []), ...limited, ...flags] }
}

/**
 * Where no model has a price: the middle of a tight book, else the last trade, else the last mark. Undefined where there is
 * none of these: then there is no mark, and none is invented.
 */
export const marketMark = (
  contract: ContractFacts,
  flags: readonly MarkFlag[],
  parameters: MarkingParameters,
  nowMillis: number,
): Mark | undefined => {
  const { book, previous } = contract
  const market = tightMid(book, parameters.maxSpread) ?? freshTrade(book, nowMillis, parameters.lastTradeMaxAgeMillis)
  const price = market ?? previous?.price
  if (price === undefined) return undefined
  const basis = previous?.basis
  return unguarded(contract, {
    price,
    method: market === undefined ? 'previous-mark' : 'market',
    flags,
    ...(basis === undefined ? {} : { basis }),
  })
}

/** Of the fixings within [from, to] how many there are, their mean, and their share of all that there will be. */
export interface SoFar {
  readonly count: number
  readonly mean: number
  readonly share: number
}

export const fixedSoFar = (
  { fixings, intervalMillis }: IndexFacts,
  fromMillis: number,
  toMillis: number,
  nowMillis: number,
): SoFar => {
  let [count, sum, lastMillis] = [0, 0, fromMillis - 1]
  for (const { atMillis, level } of fixings) {
    if (atMillis < fromMillis || atMillis > min(toMillis, nowMillis)) continue
    count += 1
    sum += level
    lastMillis = atMillis
  }
  // A fixing that is due but not made yet lies ahead as well.
  const ahead = fixingsWithin(max(lastMillis, min(nowMillis, toMillis) - intervalMillis) + 1, toMillis, intervalMillis)
  const all = count + ahead
  return { count, mean: count === 0 ? 0 : sum / count, share: all === 0 ? 1 : count / all }
}

/**
 * Since when an average over [start, end] counts: from where the fixings that are made and those ahead would have made it,
 * were none missing. A future listed late, or whose index was silent, has less of its mean behind it than the calendar says.
 */
export const averagingFrom = (index: IndexFacts, startMillis: number, endMillis: number, nowMillis: number): number => {
  if (nowMillis <= startMillis) return startMillis
  const { share } = fixedSoFar(index, startMillis, endMillis, nowMillis)
  return share >= 1 ? startMillis : endMillis - (endMillis - nowMillis) / (1 - share)
}

/** How often an index is fixed within [from, to]: at whole multiples of its interval. */
export const fixingsWithin = (fromMillis: number, toMillis: number, intervalMillis: number): number =>
  max(Math.floor(toMillis / intervalMillis) - Math.ceil(fromMillis / intervalMillis) + 1, 0)
