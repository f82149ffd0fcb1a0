/**
 * What a day-ahead auction is asked to clear: one market a (area, period), an area being a resource class in a region.
 * Prices in ticks, quantities in lots, both whole. Who bid is no matter of clearing: an order is known by its id.
 */
export type Side = 'buy' | 'sell'

/** One step of somebody's curve: takes up to `lots` at `priceTicks` or better, any part of them. */
export interface StepOrder {
  readonly orderId: string
  readonly area: string
  /** From 0. */
  readonly period: number
  readonly side: Side
  readonly priceTicks: number
  readonly lots: number
}

export interface BlockLots {
  readonly area: string
  readonly period: number
  readonly lots: number
}

/**
 * Taken in all its periods or in none, at its price or better on the average of its lots. It falls into as many equal
 * parts as the greatest common divisor of its lots; at least its minimum acceptance ratio of them, or none, are taken.
 */
export interface BlockOrder {
  readonly blockId: string
  readonly side: Side
  readonly priceTicks: number
  readonly profile: readonly BlockLots[]
  /** 1 to 10,000; 10,000 is all or nothing. */
  readonly minimumAcceptanceBasisPoints: number
  /** Its ratio is at most that of its parent. */
  readonly parentId: string | null
  /** At most one block of a group is taken. */
  readonly exclusiveGroup: string | null
}

/** What may flow from one area to another in a period; below zero: the other way. */
export interface Line {
  readonly from: string
  readonly to: string
  readonly period: number
  readonly leastLots: number
  readonly mostLots: number
}

/** Lots that come into an area whatever the price (below zero: leave it). */
export interface Injection {
  readonly area: string
  readonly period: number
  readonly lots: number
}

export interface DayAheadAuction {
  readonly areas: readonly string[]
  readonly periods: number
  /** No price is outside of these. */
  readonly leastPriceTicks: number
  readonly mostPriceTicks: number
  readonly steps: readonly StepOrder[]
  readonly blocks: readonly BlockOrder[]
  readonly lines: readonly Line[]
  readonly injections: readonly Injection[]
}

export const fullAcceptanceBasisPoints = 10_000

export const auctionProblemCodes = [
  'unknown-area',
  'duplicate-area',
  'unknown-period',
  'price-out-of-range',
  'lots-out-of-range',
  'duplicate-order',
  'empty-block',
  'duplicate-period',
  'ratio-out-of-range',
  'unknown-parent',
  'cyclic-parents',
  'group-of-one',
  'grouped-child',
  'crossed-line',
  'too-large',
] as const

export type AuctionProblemCode = (typeof auctionProblemCodes)[number]

export interface AuctionProblem {
  readonly code: AuctionProblemCode
  /** The order, block, area or line at fault. */
  readonly at: string
}

/** The first thing wrong with an auction, or undefined. What passes here can be cleared, in exact whole numbers. */
export const auctionProblem = (auction: DayAheadAuction): AuctionProblem | undefined =>
  problemOfMarkets(auction) ?? problemOfSteps(auction) ?? problemOfBlocks(auction) ?? problemOfSize(auction)

const problem = (code: AuctionProblemCode, at: string): AuctionProblem => ({ code, at })

const isLots = (lots: number): boolean => Number.isSafeInteger(lots) && lots > 0

const isPrice = (ticks: number, { leastPriceTicks, mostPriceTicks }: DayAheadAuction): boolean =>
  Number.isSafeInteger(ticks) && ticks >= leastPriceTicks && ticks <= mostPriceTicks

const problemOfMarkets = (auction: DayAheadAuction): AuctionProblem | undefined => {
  const { areas, periods, leastPriceTicks, mostPriceTicks } = auction
  const known = new Set(areas)
  if (known.size !== areas.length) return problem('duplicate-area', areas.find((a, i) => areas.indexOf(a) !== i) ?? '')
  if (!Number.isSafeInteger(periods) || periods < 1) return problem('unknown-period', String(periods))
  if (!isPrice(leastPriceTicks, auction) || !isPrice(mostPriceTicks, auction))
    return problem('price-out-of-range', `${leastPriceTicks}…${mostPriceTicks}`)
  const isPeriod = (period: number): boolean => Number.isInteger(period) && period >= 0 && period < periods
  for (const { from, to, period, leastLots, mostLots } of auction.lines) {
    const at = `${from}-${to} ${period}`
    if (!known.has(from) || !known.has(to) || from === to) return problem('unknown-area', at)
    if (!isPeriod(period)) return problem('unknown-period', at)
    if (!Number.isSafeInteger(leastLots) || !Number.isSafeInteger(mostLots)) return problem('lots-out-of-range', at)
    if (leastLots > mostLots) return problem('crossed-line', at)
  }
  for (const { area, period, lots } of auction.injections) {
    if (!known.has(area)) return problem('unknown-area', area)
    if (!isPeriod(period)) return problem('unknown-period', `${area} ${period}`)
    if (!Number.isSafeInteger(lots)) return problem('lots-out-of-range', `${area} ${period}`)
  }
  return undefined
}

const problemOfSteps = (auction: DayAheadAuction): AuctionProblem | undefined => {
  const known = new Set(auction.areas)
  const ids = new Set<string>()
  for (const { orderId, area, period, priceTicks, lots } of auction.steps) {
    if (!known.has(area)) return problem('unknown-area', orderId)
    if (!Number.isInteger(period) || period < 0 || period >= auction.periods) return problem('unknown-period', orderId)
    if (!isPrice(priceTicks, auction)) return problem('price-out-of-range', orderId)
    if (!isLots(lots)) return problem('lots-out-of-range', orderId)
    if (ids.has(orderId)) return problem('duplicate-order', orderId)
    ids.add(orderId)
  }
  return undefined
}

const problemOfBlocks = (auction: DayAheadAuction): AuctionProblem | undefined => {
  const known = new Set(auction.areas)
  const blocks = new Map(auction.blocks.map(block => [block.blockId, block]))
  const groups = Map.groupBy(auction.blocks, ({ exclusiveGroup }) => exclusiveGroup)
  const ids = auction.blocks.map(({ blockId }) => blockId)
  const twice = blocks.size === ids.length ? undefined : ids.toSorted(byText).find((id, i, all) => all[i - 1] === id)
  if (twice !== undefined) return problem('duplicate-order', twice)
  for (const {
    blockId,
    profile,
    priceTicks,
    minimumAcceptanceBasisPoints,
    parentId,
    exclusiveGroup,
  } of auction.blocks) {
    if (profile.length === 0) return problem('empty-block', blockId)
    if (!isPrice(priceTicks, auction)) return problem('price-out-of-range', blockId)
    const ratio = minimumAcceptanceBasisPoints
    if (!Number.isInteger(ratio) || ratio < 1 || ratio > fullAcceptanceBasisPoints)
      return problem('ratio-out-of-range', blockId)
    const places = new Set<string>()
    for (const { area, period, lots } of profile) {
      if (!known.has(area)) return problem('unknown-area', blockId)
      if (!Number.isInteger(period) || period < 0 || period >= auction.periods)
        return problem('unknown-period', blockId)
      if (!isLots(lots)) return problem('lots-out-of-range', blockId)
      places.add(`${period} ${area}`)
    }
    if (places.size !== profile.length) return problem('duplicate-period', blockId)
    if (exclusiveGroup !== null && groups.get(exclusiveGroup)?.length === 1) return problem('group-of-one', blockId)
    // A group's members are weighed against each other by themselves, which they could not be below a parent.
    if (exclusiveGroup !== null && parentId !== null) return problem('grouped-child', blockId)
    if (parentId !== null && !blocks.has(parentId)) return problem('unknown-parent', blockId)
  }
  const settled = new Set<string>()
  for (const { blockId } of auction.blocks) {
    const path = new Set<string>()
    for (let at: string | null = blockId; at !== null && !settled.has(at); at = blocks.get(at)?.parentId ?? null) {
      if (path.has(at)) return problem('cyclic-parents', at)
      path.add(at)
    }
    for (const each of path) settled.add(each)
  }
  return undefined
}

/** All sums of lots × ticks that clearing makes stay exact numbers. */
const problemOfSize = (auction: DayAheadAuction): AuctionProblem | undefined => {
  const sum = (lots: readonly number[]): number => lots.reduce((total, each) => total + Math.abs(each), 0)
  const lots =
    sum(auction.steps.map(step => step.lots)) +
    sum(auction.injections.map(each => each.lots)) +
    sum(auction.lines.flatMap(line => [line.leastLots, line.mostLots])) +
    sum(auction.blocks.flatMap(({ profile }) => profile.map(each => each.lots)))
  const ticks = Math.max(Math.abs(auction.leastPriceTicks), Math.abs(auction.mostPriceTicks), 1)
  return 2 * lots * ticks <= Number.MAX_SAFE_INTEGER ? undefined : problem('too-large', `${lots} lots`)
}

/** Where a market lies in arrays of all of them. */
export const marketIndex = (period: number, area: number, areas: number): number => period * areas + area

/** The one order of everything, whatever the order in which it came. Code units, the same in every locale. */
export const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The same auction, in one order whatever the order in which its parts came. */
export const canonical = (auction: DayAheadAuction): DayAheadAuction => ({
  ...auction,
  areas: auction.areas.toSorted(byText),
  blocks: auction.blocks
    .map(block => ({
      ...block,
      profile: block.profile.toSorted((a, b) => a.period - b.period || byText(a.area, b.area)),
    }))
    .sort((a, b) => byText(a.blockId, b.blockId)),
  lines: auction.lines.toSorted(
    (a, b) =>
      a.period - b.period ||
      byText(a.from, b.from) ||
      byText(a.to, b.to) ||
      a.leastLots - b.leastLots ||
      a.mostLots - b.mostLots,
  ),
})
