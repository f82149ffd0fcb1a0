/**
 * Arbitrage between venues: what costs less at one than another pays for it, once all that it costs is counted. Both legs
 * are of the same product, unit-hours of a resource class in a region over the same hours, and of the same size to the
 * last unit-hour. Money is USD micros and everything is a whole number: what does not divide is rounded against the trade.
 */
export interface Product {
  readonly resourceClass: string
  readonly region: string
  readonly startMillis: number
  /** Exclusive. */
  readonly endMillis: number
}

/** Append only: opportunities are named by them. */
export const arbitrageVenues = [
  'contract',
  'on_demand',
  'spot',
  'commitment_1y',
  'commitment_3y',
  'day_ahead',
  'futures',
] as const
export type ArbitrageVenue = (typeof arbitrageVenues)[number]

export type LegSide = 'buy' | 'sell'

/** What stands at one price. */
export interface QuoteLevel {
  /** Of one quantum, before anything else is counted. */
  readonly priceMicros: number
  readonly quanta: number
}

/** What one of a venue's quanta costs beside its price, in micros, each rounded up. */
export interface QuantumCosts {
  /** Commitment that must be paid for beyond the product's hours, less what of it is expected back. */
  readonly lockInMicros: number
  /** What hours that are taken away are expected to cost elsewhere. */
  readonly preemptionMicros: number
  /** Interest on what is paid or put up until the product's end. */
  readonly fundingMicros: number
  /** Must be there beside the price, and is no cost by itself: margin, or what a commitment is paid beyond its use. */
  readonly tiedUpMicros: number
}

export const noCosts: QuantumCosts = { lockInMicros: 0, preemptionMicros: 0, fundingMicros: 0, tiedUpMicros: 0 }

/** One side of one venue: an offer of a partner, or a side of a book. */
export interface VenueQuote {
  readonly venue: ArbitrageVenue
  readonly side: LegSide
  /** Of the offer, or the instrument. */
  readonly source: string
  readonly provider?: string
  readonly product: Product
  /** How much one quantum is: a unit through all hours, or a lot. In millionths of a unit-hour. */
  readonly quantumMicroHours: number
  /** Best first: to buy, the cheapest. */
  readonly levels: readonly QuoteLevel[]
  /** Of a purchase, whatever its size: what units of dearer tiers cost more than those of the level. */
  readonly fixedMicros?: number
  /** Fewer are not sold. */
  readonly minimumQuanta: number
  /** More the buyer or seller may not have, whatever stands there: limits of position and the like. */
  readonly maximumQuanta: number
  /** Commission, parts in a million of the price. */
  readonly feePpm: number
  readonly costs: QuantumCosts
  /** Holds no longer than that. */
  readonly validUntilMillis: number
  /** Whether an order or a purchase takes it at once; a price of an auction only tells what was paid. */
  readonly isExecutable: boolean
}

export interface Leg {
  readonly side: LegSide
  readonly venue: ArbitrageVenue
  readonly source: string
  readonly provider?: string
  readonly quanta: number
  readonly microHours: number
  /** Of a quantum at the last level that it reaches. */
  readonly limitMicros: number
  readonly notionalMicros: number
  readonly feeMicros: number
  readonly lockInMicros: number
  readonly preemptionMicros: number
  readonly fundingMicros: number
  readonly tiedUpMicros: number
}

export interface Opportunity {
  readonly product: Product
  readonly buy: Leg
  readonly sell: Leg
  readonly microHours: number
  /** What the sale brings more than the purchase costs. */
  readonly grossMicros: number
  /** Gross less fees, lock-in, preemption and funding of both legs. */
  readonly netMicros: number
  /** Money that must be there: the purchase with its fees, and what both tie up. */
  readonly outlayMicros: number
  readonly validUntilMillis: number
  readonly isExecutable: boolean
}

export interface ArbitrageLimits {
  /** What both legs together may need. */
  readonly outlayMicros: number
  /** Of one leg. */
  readonly microHours: number
  /** Less is no opportunity. At least 1. */
  readonly minimumNetMicros: number
}

/** One level with all that one of its quanta costs or brings. */
interface PricedLevel {
  readonly quanta: number
  readonly priceMicros: number
  readonly feeMicros: number
  /** Of a purchase: all it costs; of a sale: what is left of it. Margin aside. */
  readonly effectMicros: bigint
}

const million = 1_000_000n
const largest = BigInt(Number.MAX_SAFE_INTEGER)

/** Parts in a million of a price, rounded up. */
export const feeOfQuantum = (priceMicros: number, feePpm: number): number =>
  Number((BigInt(priceMicros) * BigInt(feePpm) + million - 1n) / million)

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b))

const isSame = (a: Product, b: Product): boolean =>
  a.resourceClass === b.resourceClass &&
  a.region === b.region &&
  a.startMillis === b.startMillis &&
  a.endMillis === b.endMillis

const pricedLevels = ({ side, levels, feePpm, costs }: VenueQuote): readonly PricedLevel[] => {
  const beside = BigInt(costs.lockInMicros) + BigInt(costs.preemptionMicros) + BigInt(costs.fundingMicros)
  const sign = side === 'buy' ? 1n : -1n
  return levels
    .map(({ priceMicros, quanta }) => {
      const feeMicros = feeOfQuantum(priceMicros, feePpm)
      const effectMicros = BigInt(priceMicros) + sign * (BigInt(feeMicros) + beside)
      return { quanta, priceMicros, feeMicros, effectMicros }
    })
    .toSorted((a, b) => (side === 'buy' ? a.priceMicros - b.priceMicros : b.priceMicros - a.priceMicros))
}

/** Sum over the first `quanta` of the levels. */
const sumOver = (levels: readonly PricedLevel[], quanta: bigint, of: (level: PricedLevel) => bigint): bigint => {
  let left = quanta
  let sum = 0n
  for (const level of levels) {
    if (left === 0n) break
    const taken = left < BigInt(level.quanta) ? left : BigInt(level.quanta)
    sum += taken * of(level)
    left -= taken
  }
  return sum
}

/** The largest k in [0, most] for which it holds, where it holds for all below one that it holds for. */
const largestWhere = (most: bigint, holds: (k: bigint) => boolean): bigint => {
  let low = 0n
  let high = most
  while (low < high) {
    const middle = (low + high + 1n) / 2n
    if (holds(middle)) low = middle
    else high = middle - 1n
  }
  return low
}

const smallest = (first: bigint, ...others: readonly bigint[]): bigint => {
  let least = first
  for (const each of others) if (each < least) least = each
  return least
}

const larger = (a: bigint, b: bigint): bigint => {
  if (a < b) return b
  return a
}

/**
 * The best size of a purchase and a sale of the same product, or undefined where none is worth it. Sizes go in steps that
 * are whole quanta of both venues. Cheapest first and dearest first, each further step brings at most what the one before
 * brought, so the net is concave in the size: the best is where the next step brings nothing, or the nearest to it that
 * minimums and limits leave. Of sizes with the same net the smallest. O(levels × log size).
 */
export const bestTrade = (buy: VenueQuote, sell: VenueQuote, limits: ArbitrageLimits): Opportunity | undefined => {
  if (buy.side !== 'buy' || sell.side !== 'sell' || !isSame(buy.product, sell.product)) return undefined
  if (buy.venue === sell.venue && buy.source === sell.source) return undefined
  const buyQuantum = BigInt(buy.quantumMicroHours)
  const sellQuantum = BigInt(sell.quantumMicroHours)
  if (buyQuantum <= 0n || sellQuantum <= 0n) return undefined
  const step = (buyQuantum / gcd(buyQuantum, sellQuantum)) * sellQuantum
  const buyPerStep = step / buyQuantum
  const sellPerStep = step / sellQuantum
  const asks = pricedLevels(buy)
  const bids = pricedLevels(sell)
  const available = (levels: readonly PricedLevel[], { maximumQuanta }: VenueQuote): bigint =>
    smallest(
      levels.reduce((sum, { quanta }) => sum + BigInt(quanta), 0n),
      BigInt(maximumQuanta),
    )
  const buyTiedUp = BigInt(buy.costs.tiedUpMicros)
  const sellTiedUp = BigInt(sell.costs.tiedUpMicros)
  const bought = (k: bigint) => sumOver(asks, k * buyPerStep, each => each.effectMicros)
  const sold = (k: bigint) => sumOver(bids, k * sellPerStep, each => each.effectMicros)
  const fixed = BigInt(buy.fixedMicros ?? 0) + BigInt(feeOfQuantum(buy.fixedMicros ?? 0, buy.feePpm))
  const netOf = (k: bigint): bigint => sold(k) - bought(k) - fixed
  const outlayOf = (k: bigint): bigint =>
    fixed +
    sumOver(asks, k * buyPerStep, ({ priceMicros, feeMicros }) => paidAtOnce(buy, priceMicros, feeMicros)) +
    k * buyPerStep * buyTiedUp +
    sumOver(bids, k * sellPerStep, ({ feeMicros }) => BigInt(feeMicros)) +
    k * sellPerStep * sellTiedUp
  const there = smallest(
    available(asks, buy) / buyPerStep,
    available(bids, sell) / sellPerStep,
    BigInt(limits.microHours) / step,
    largest / step,
  )
  const mayBe = largestWhere(
    there,
    k => outlayOf(k) <= smallest(BigInt(limits.outlayMicros), largest) && grossOf(bids, k * sellPerStep) <= largest,
  )
  const stepsFor = (quanta: number, perStep: bigint): bigint => (BigInt(quanta) + perStep - 1n) / perStep
  const least = larger(stepsFor(buy.minimumQuanta, buyPerStep), stepsFor(sell.minimumQuanta, sellPerStep))
  const best = largestWhere(mayBe, k => netOf(k) > netOf(k - 1n))
  const steps = larger(best, least)
  if (steps === 0n || steps > mayBe) return undefined
  const netMicros = netOf(steps)
  const minimumNet = limits.minimumNetMicros < 1 ? 1n : BigInt(limits.minimumNetMicros)
  if (netMicros < minimumNet) return undefined
  const buyLeg = legOf(buy, asks, steps * buyPerStep)
  const sellLeg = legOf(sell, bids, steps * sellPerStep)
  return {
    product: buy.product,
    buy: buyLeg,
    sell: sellLeg,
    microHours: Number(steps * step),
    grossMicros: sellLeg.notionalMicros - buyLeg.notionalMicros,
    netMicros: Number(netMicros),
    outlayMicros: Number(outlayOf(steps)),
    validUntilMillis: Math.min(buy.validUntilMillis, sell.validUntilMillis),
    isExecutable: buy.isExecutable && sell.isExecutable,
  }
}

/** A future is not paid for: its margin is put up. Capacity is. */
const paidAtOnce = ({ venue }: VenueQuote, priceMicros: number, feeMicros: number): bigint =>
  venue === 'futures' ? BigInt(feeMicros) : BigInt(priceMicros) + BigInt(feeMicros)

const grossOf = (levels: readonly PricedLevel[], quanta: bigint): bigint =>
  sumOver(levels, quanta, ({ priceMicros }) => BigInt(priceMicros))

const legOf = (quote: VenueQuote, levels: readonly PricedLevel[], quanta: bigint): Leg => {
  const { side, venue, source, provider, quantumMicroHours, costs, feePpm, fixedMicros = 0 } = quote
  let left = quanta
  let limitMicros = 0
  for (const level of levels) {
    if (left <= 0n) break
    limitMicros = level.priceMicros
    left -= BigInt(level.quanta)
  }
  const times = (micros: number): number => Number(quanta * BigInt(micros))
  return {
    side,
    venue,
    source,
    ...(provider === undefined ? {} : { provider }),
    quanta: Number(quanta),
    microHours: Number(quanta * BigInt(quantumMicroHours)),
    limitMicros,
    notionalMicros: Number(grossOf(levels, quanta)) + fixedMicros,
    feeMicros:
      Number(sumOver(levels, quanta, ({ feeMicros }) => BigInt(feeMicros))) + feeOfQuantum(fixedMicros, feePpm),
    lockInMicros: times(costs.lockInMicros),
    preemptionMicros: times(costs.preemptionMicros),
    fundingMicros: times(costs.fundingMicros),
    tiedUpMicros: times(costs.tiedUpMicros),
  }
}

const productKey = ({ resourceClass, region, startMillis, endMillis }: Product): string =>
  JSON.stringify([resourceClass, region, startMillis, endMillis])

/**
 * Every purchase against every sale of the same product that is worth it, the best first; each stands alone, as if the
 * others were not taken. Of several quotes of one source (its tiers) only the best counts. Which way quotes come in changes
 * nothing.
 */
export const findOpportunities = (quotes: readonly VenueQuote[], limits: ArbitrageLimits): readonly Opportunity[] => {
  const sales = new Map<string, VenueQuote[]>()
  for (const quote of quotes)
    if (quote.side === 'sell') {
      const key = productKey(quote.product)
      const known = sales.get(key)
      if (known === undefined) sales.set(key, [quote])
      else known.push(quote)
    }
  const best = new Map<string, Opportunity>()
  for (const buy of quotes) {
    if (buy.side !== 'buy') continue
    for (const sell of sales.get(productKey(buy.product)) ?? []) {
      const found = bestTrade(buy, sell, limits)
      if (found === undefined) continue
      const key = JSON.stringify([buy.venue, buy.source, sell.venue, sell.source, productKey(buy.product)])
      const known = best.get(key)
      if (known === undefined || isBetter(found, known)) best.set(key, found)
    }
  }
  return [...best.values()].toSorted((a, b) => (isBetter(a, b) ? -1 : 1))
}

const isBetter = (a: Opportunity, b: Opportunity): boolean =>
  a.netMicros > b.netMicros || (a.netMicros === b.netMicros && opportunityName(a) < opportunityName(b))

/** Those that can be taken together: the best first, and none that needs what a better one takes. */
export const disjoint = (opportunities: readonly Opportunity[]): readonly Opportunity[] => {
  const taken = new Set<string>()
  return opportunities.filter(({ buy, sell }) => {
    const names = [buy, sell].map(({ side, venue, source }) => JSON.stringify([side, venue, source]))
    if (names.some(name => taken.has(name))) return false
    for (const name of names) taken.add(name)
    return true
  })
}

/** The same where legs, sizes and prices are; another as soon as any of them has moved. */
export const opportunityName = ({ product, buy, sell }: Opportunity): string =>
  JSON.stringify([
    productKey(product),
    ...[buy, sell].map(leg => [
      leg.venue,
      leg.source,
      leg.quanta,
      leg.limitMicros,
      leg.notionalMicros,
      leg.feeMicros,
      leg.lockInMicros,
      leg.preemptionMicros,
      leg.fundingMicros,
    ]),
  ])
