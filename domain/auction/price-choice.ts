import { ProgrammeBuilder, type SolveProgramme } from '../integer-programme.ts'
import type { Allocation, Market } from './allocation.ts'
import { type Block, partSurplus } from './block-book.ts'

/** Prices at which no block that is taken loses, or the blocks that lose. */
export type PriceChoice =
  | { readonly isSupported: true; readonly prices: readonly (number | undefined)[] }
  | {
      readonly isSupported: false
      /** At the middle prices, deepest loss first; never empty. */
      readonly losers: readonly Block[]
      /** Of them those that lose at every price that supports this allocation. */
      readonly hopeless: readonly Block[]
    }

export interface ChoiceLimits {
  readonly mostNodes: number
  readonly mostIterations: number
}

/**
 * Middle prices where no taken block loses at them; else, of all prices that support the allocation, those for which no
 * block loses and whose distances from the middles, in ticks, add up to the least. Only blocks of `among` are looked at: a component's.
 * Without a solver only the middles are tried.
 */
export const choosePrices = (
  market: Market,
  allocation: Allocation,
  among: readonly number[],
  solve: SolveProgramme | undefined,
  limits: ChoiceLimits,
): PriceChoice => {
  const middles = allocation.middlePrices()
  const taken: Block[] = []
  for (const index of among) {
    const block = market.book.blocks[index]
    if (block !== undefined && (allocation.taken[index] ?? 0) > 0) taken.push(block)
  }
  const losses = new Map<Block, number>()
  for (const block of taken) {
    const surplus = partSurplus(block, middles) * (allocation.taken[block.index] ?? 0)
    if (surplus < 0) losses.set(block, surplus)
  }
  if (losses.size === 0) return { isSupported: true, prices: middles }
  const losers = [...losses.keys()].sort((a, b) => (losses.get(a) ?? 0) - (losses.get(b) ?? 0) || a.index - b.index)
  const range = priceRanges(market, allocation)
  const hopeless = losers.filter(block => bestSurplus(block, range) < 0)
  if (hopeless.length > 0 || solve === undefined) return { isSupported: false, losers, hopeless }
  const prices = nearestPrices(market, allocation, taken, losers, range, solve, limits)
  return prices === undefined ? { isSupported: false, losers, hopeless } : { isSupported: true, prices }
}

interface Ranges {
  readonly low: Float64Array
  readonly high: Float64Array
}

const priceRanges = (market: Market, allocation: Allocation): Ranges => {
  const low = new Float64Array(market.curves.markets)
  const high = new Float64Array(market.curves.markets)
  for (const [at, { markets }] of market.clusters.entries()) {
    const { lowTicks, highTicks } = allocation.clearing(at)
    markets.forEach((index, i) => {
      low[index] = Math.max(market.leastPriceTicks, lowTicks[i] ?? 0)
      high[index] = Math.min(market.mostPriceTicks, highTicks[i] ?? 0)
    })
  }
  return { low, high }
}

const bestSurplus = (block: Block, { low, high }: Ranges): number =>
  block.markets.reduce((surplus, market, i) => {
    const lots = block.partLots[i] ?? 0
    return surplus + lots * ((lots > 0 ? (high[market] ?? 0) : (low[market] ?? 0)) - block.priceTicks)
  }, 0)

const nearestPrices = (
  market: Market,
  allocation: Allocation,
  taken: readonly Block[],
  losers: readonly Block[],
  { low, high }: Ranges,
  solve: SolveProgramme,
  limits: ChoiceLimits,
): readonly (number | undefined)[] | undefined => {
  const middles = allocation.middlePrices()
  const { clusters, involved } = involvedWith(market, taken, losers, { low, high })
  const programme = new ProgrammeBuilder()
  const columns = new Map<number, number>()
  const columnOf = (index: number): number | undefined => {
    const [least, most] = [low[index] ?? 0, high[index] ?? 0]
    if (least === most) return undefined
    const known = columns.get(index)
    if (known !== undefined) return known
    const column = programme.column(least, most, 0, true)
    const distance = programme.column(0, most - least, -1)
    const middle = middles[index] ?? least
    programme.row(-Infinity, middle, [column, 1, distance, -1])
    programme.row(middle, Infinity, [column, 1, distance, 1])
    columns.set(index, column)
    return column
  }
  /** Σ coefficient × price ≥ least, in which fixed prices are taken to the other side. */
  const atLeast = (least: number, terms: readonly (readonly [market: number, coefficient: number])[]): void => {
    const entries: number[] = []
    const scale = Math.max(...terms.map(([, coefficient]) => Math.abs(coefficient)))
    for (const [index, coefficient] of terms) {
      const column = columnOf(index)
      if (column === undefined) least -= coefficient * (low[index] ?? 0)
      else entries.push(column, coefficient / scale)
    }
    programme.row(least / scale, Infinity, entries)
  }
  for (const block of involved)
    atLeast(
      block.priceTicks * block.partLots.reduce((total, lots) => total + lots, 0),
      block.markets.map((index, i) => [index, block.partLots[i] ?? 0]),
    )
  for (const at of clusters) {
    const cluster = market.clusters[at]
    const { flows } = allocation.clearing(at)
    for (const [i, line] of (cluster?.lines ?? []).entries()) {
      const [from, to, flow] = [cluster?.markets[line.from] ?? 0, cluster?.markets[line.to] ?? 0, flows[i] ?? 0]
      if (flow < line.mostLots)
        atLeast(0, [
          [from, 1],
          [to, -1],
        ])
      if (flow > line.leastLots)
        atLeast(0, [
          [to, 1],
          [from, -1],
        ])
    }
  }
  const answer = solve(programme.build({ absoluteGap: 0.5, ...limits }))
  if (answer.columns === undefined) return undefined
  const prices = [...middles]
  for (const [index, column] of columns) prices[index] = Math.round(answer.columns[column] ?? 0)
  // What the solver holds within its tolerances must hold exactly.
  const isHeld =
    involved.every(block => partSurplus(block, prices) >= 0) &&
    clusters.every(at => areOrdered(market, allocation, at, prices))
  return isHeld ? prices : undefined
}

const areOrdered = (
  market: Market,
  allocation: Allocation,
  at: number,
  prices: readonly (number | undefined)[],
): boolean => {
  const cluster = market.clusters[at]
  const { flows } = allocation.clearing(at)
  return (cluster?.lines ?? []).every((line, i) => {
    const from = prices[cluster?.markets[line.from] ?? 0] ?? 0
    const to = prices[cluster?.markets[line.to] ?? 0] ?? 0
    const flow = flows[i] ?? 0
    return (flow >= line.mostLots || to <= from) && (flow <= line.leastLots || from <= to)
  })
}

/** Blocks and clusters that a loser's price can lean on: those joined to it through prices that are free to move. */
const involvedWith = (
  market: Market,
  taken: readonly Block[],
  losers: readonly Block[],
  { low, high }: Ranges,
): { readonly clusters: readonly number[]; readonly involved: readonly Block[] } => {
  const isFree = (index: number): boolean => low[index] !== high[index]
  const blocksOf = new Map<number, Block[]>()
  for (const block of taken)
    for (const index of block.markets)
      if (isFree(index)) {
        const at = market.clusterOf[index] ?? 0
        const known = blocksOf.get(at)
        if (known === undefined) blocksOf.set(at, [block])
        else known.push(block)
      }
  const involved = new Set(losers)
  const clusters = new Set<number>()
  for (const block of involved)
    for (const index of block.markets) {
      const at = market.clusterOf[index] ?? 0
      if (!isFree(index) || clusters.has(at)) continue
      clusters.add(at)
      for (const other of blocksOf.get(at) ?? []) involved.add(other)
    }
  return { clusters: [...clusters], involved: [...involved] }
}
