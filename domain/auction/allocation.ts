import type { BlockBook } from './block-book.ts'
import { type Cluster, type ClusterClearing, clearCluster, middlePrices } from './clusters.ts'
import { type NetCurves, valueAt } from './net-curves.ts'

/** Everything of an auction that does not change while it is cleared. */
export interface Market {
  readonly curves: NetCurves
  readonly clusters: readonly Cluster[]
  /** Of each market, its cluster. */
  readonly clusterOf: Int32Array
  /** Lots into each market before any block. */
  readonly fixedInjections: Float64Array
  readonly book: BlockBook
  readonly leastPriceTicks: number
  readonly mostPriceTicks: number
}

/**
 * Which parts of which blocks are taken, and what the step orders then do: cleared anew, exactly, cluster by cluster,
 * where something changed.
 */
export class Allocation {
  readonly taken: Int32Array
  private readonly market: Market
  private readonly injections: Float64Array
  private readonly clearings: (ClusterClearing | undefined)[]
  private readonly values: Float64Array
  private readonly middles: (number | undefined)[]
  private readonly stale = new Set<number>()
  private feasibleValue = 0
  private infeasible = 0

  constructor(market: Market) {
    this.market = market
    this.taken = new Int32Array(market.book.blocks.length)
    this.injections = Float64Array.from(market.fixedInjections)
    this.clearings = market.clusters.map(() => undefined)
    this.values = new Float64Array(market.clusters.length)
    this.middles = Array.from({ length: market.curves.markets }, () => undefined)
    for (const cluster of market.clusters.keys()) this.stale.add(cluster)
  }

  take(index: number, parts: number): void {
    const block = this.market.book.blocks[index]
    const change = parts - (this.taken[index] ?? 0)
    if (block === undefined || change === 0) return
    this.taken[index] = parts
    this.feasibleValue += change * block.partValue
    block.markets.forEach((market, i) => {
      this.injections[market] = (this.injections[market] ?? 0) + change * (block.partLots[i] ?? 0)
      this.stale.add(this.market.clusterOf[market] ?? 0)
    })
  }

  takeAll(taken: ArrayLike<number>): void {
    for (let index = 0; index < this.taken.length; index += 1) this.take(index, taken[index] ?? 0)
  }

  /** The step orders' part of a cluster. */
  clearing(cluster: number): ClusterClearing {
    this.refresh()
    const clearing = this.clearings[cluster]
    if (clearing === undefined) throw new RangeError(`there is no cluster ${cluster}`)
    return clearing
  }

  /** In ticks × lots, exact; −∞ where the steps cannot carry these blocks. */
  welfare(): number {
    this.refresh()
    return this.infeasible > 0 ? -Infinity : this.feasibleValue
  }

  /** The step orders' part of it in a cluster that they can carry. */
  stepsWelfare(cluster: number): number {
    this.refresh()
    return this.values[cluster] ?? 0
  }

  /** The middle price of each market, whatever the blocks ask. Of a market in which only blocks trade, theirs. */
  middlePrices(): readonly (number | undefined)[] {
    this.refresh()
    return this.middles
  }

  private refresh(): void {
    const { curves, clusters } = this.market
    for (const at of this.stale) {
      const cluster = clusters[at]
      if (cluster === undefined) continue
      const before = this.clearings[at]
      if (before?.isFeasible === true) this.feasibleValue -= this.values[at] ?? 0
      else if (before !== undefined) this.infeasible -= 1
      const clearing = clearCluster(curves, cluster, this.injections)
      this.clearings[at] = clearing
      let value = 0
      if (clearing.isFeasible)
        for (const [i, market] of cluster.markets.entries())
          value += valueAt(curves, market, clearing.positions[i] ?? 0)
      else this.infeasible += 1
      this.values[at] = value
      this.feasibleValue += value
      const middles = middlePrices(clearing)
      const isBlind = middles.includes(undefined)
      cluster.markets.forEach((market, i) => {
        this.middles[market] = middles[i] ?? (isBlind ? this.middleOfBlocks(at) : undefined)
      })
    }
    this.stale.clear()
  }

  private middleOfBlocks(cluster: number): number | undefined {
    const limits = this.market.book.blocks.flatMap(({ index, markets, priceTicks }) =>
      (this.taken[index] ?? 0) > 0 && markets.some(market => this.market.clusterOf[market] === cluster)
        ? priceTicks
        : [],
    )
    return limits.length === 0 ? undefined : Math.floor((Math.min(...limits) + Math.max(...limits)) / 2)
  }
}
