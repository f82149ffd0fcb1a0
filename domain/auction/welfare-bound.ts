import { type BlockOrder, type DayAheadAuction, fullAcceptanceBasisPoints } from './day-ahead-auction.ts'

/** The price of an area in a period; undefined where there is none. */
export type PriceOf = (area: string, period: number) => number | undefined

/**
 * More welfare than this, in ticks × lots, no clearing of the auction has, whatever the prices put in (Lagrangian
 * duality: with every balance priced, each order, line and block takes what is best for it alone). Exact in whole
 * numbers, computed from nothing but the orders: anyone can repeat it. Blocks below a parent count where the sum of their
 * tree is worth it; of an exclusive group only the best tree counts.
 */
export const welfareBound = (auction: DayAheadAuction, priceOf: PriceOf): number => {
  const at = (area: string, period: number): number => priceOf(area, period) ?? 0
  let bound = 0
  for (const { area, period, side, priceTicks, lots } of auction.steps) {
    const margin = side === 'buy' ? priceTicks - at(area, period) : at(area, period) - priceTicks
    if (margin > 0) bound += margin * lots
  }
  for (const { area, period, lots } of auction.injections) bound += lots * at(area, period)
  for (const { from, to, period, leastLots, mostLots } of auction.lines) {
    const difference = at(to, period) - at(from, period)
    bound += difference * (difference > 0 ? mostLots : leastLots)
  }
  const children = Map.groupBy(auction.blocks, ({ parentId }) => parentId)
  const best = (block: BlockOrder): number => {
    const whole = wholeSurplus(block, at)
    const ratio = block.minimumAcceptanceBasisPoints / fullAcceptanceBasisPoints
    // The least that may be taken is at least this share; a loss is rounded towards nothing, so that it stays a bound.
    const own = whole >= 0 ? whole : Math.ceil(whole * ratio)
    return Math.max(0, own + (children.get(block.blockId) ?? []).reduce((sum, child) => sum + best(child), 0))
  }
  const groups = new Map<string, number>()
  for (const block of children.get(null) ?? []) {
    const value = best(block)
    if (block.exclusiveGroup === null) bound += value
    else groups.set(block.exclusiveGroup, Math.max(groups.get(block.exclusiveGroup) ?? 0, value))
  }
  for (const value of groups.values()) bound += value
  return bound
}

const wholeSurplus = (block: BlockOrder, at: (area: string, period: number) => number): number =>
  block.profile.reduce((sum, { area, period, lots }) => {
    const margin = at(area, period) - block.priceTicks
    return sum + lots * (block.side === 'sell' ? margin : -margin)
  }, 0)
