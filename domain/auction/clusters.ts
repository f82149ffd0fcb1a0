import { type DayAheadAuction, marketIndex } from './day-ahead-auction.ts'
import { costOfLotOut, lastPosition, type NetCurves, stepBefore, stepBeyond, worthOfLotIn } from './net-curves.ts'

/** Markets of one period that lines join, directly or through others; most are alone. */
export interface Cluster {
  readonly markets: readonly number[]
  readonly lines: readonly ClusterLine[]
}

interface ClusterLine {
  /** Among the auction's lines. */
  readonly line: number
  /** Among the cluster's markets. */
  readonly from: number
  readonly to: number
  readonly leastLots: number
  readonly mostLots: number
}

/** What the step orders of a cluster do at given injections: welfare is greatest, in whole lots. */
export interface ClusterClearing {
  /** False where the markets lack lots, or have lots, that no order takes. */
  readonly isFeasible: boolean
  /** On each market's curve. */
  readonly positions: Float64Array
  /** On each line, from `from` to `to`. */
  readonly flows: Float64Array
  /**
   * Between these every price supports the result, ±∞ where nothing bounds it: each market's own interval, cut by those
   * of the markets that a line with room joins it to.
   */
  readonly lowTicks: Float64Array
  readonly highTicks: Float64Array
  /** 1 at i × markets + j where one more lot could flow from i to j, so that j's price is at most i's. */
  readonly reaches: Uint8Array
}

export const clustersOf = (auction: DayAheadAuction, areaIndex: ReadonlyMap<string, number>): Cluster[] => {
  const { areas, periods, lines } = auction
  const root = Int32Array.from({ length: areas.length * periods }, (_, market) => market)
  const find = (market: number): number => {
    while (root[market] !== market) market = root[market] ?? market
    return market
  }
  const ends = lines.map(({ from, to, period }) => [
    marketIndex(period, areaIndex.get(from) ?? 0, areas.length),
    marketIndex(period, areaIndex.get(to) ?? 0, areas.length),
  ])
  for (const [from = 0, to = 0] of ends) {
    const [a, b] = [find(from), find(to)]
    root[Math.max(a, b)] = Math.min(a, b)
  }
  const members = new Map<number, number[]>()
  for (let market = 0; market < root.length; market += 1) {
    const at = find(market)
    const known = members.get(at)
    if (known === undefined) members.set(at, [market])
    else known.push(market)
  }
  const linesOf = Map.groupBy(lines.keys(), line => find(ends[line]?.[0] ?? 0))
  return [...members].map(([at, markets]) => ({
    markets,
    lines: (linesOf.get(at) ?? []).map(line => ({
      line,
      from: markets.indexOf(ends[line]?.[0] ?? 0),
      to: markets.indexOf(ends[line]?.[1] ?? 0),
      leastLots: lines[line]?.leastLots ?? 0,
      mostLots: lines[line]?.mostLots ?? 0,
    })),
  }))
}

/**
 * Exact: begins with each market alone and lets lots flow from where they cost least to where they are worth most, along
 * the shortest way that has room, until no lot gains by flowing. All is whole, so this ends at an integral optimum
 * (successive cancelling of the dearest residual pair of a minimum-cost flow with convex costs at the nodes).
 */
export const clearCluster = (curves: NetCurves, cluster: Cluster, injections: Float64Array): ClusterClearing => {
  const { markets, lines } = cluster
  const count = markets.length
  const positions = Float64Array.from(markets, m => (curves.offeredLots[m] ?? 0) + (injections[m] ?? 0))
  const flows = new Float64Array(lines.length)
  lines.forEach((line, index) => {
    const flow = Math.min(Math.max(0, line.leastLots), line.mostLots)
    flows[index] = flow
    positions[line.from] = (positions[line.from] ?? 0) - flow
    positions[line.to] = (positions[line.to] ?? 0) + flow
  })
  if (lines.length > 0) flowToBest(curves, cluster, positions, flows)
  let isFeasible = true
  const [low, high] = [new Float64Array(count), new Float64Array(count)]
  markets.forEach((market, i) => {
    const position = positions[i] ?? 0
    if (position < 0 || position > lastPosition(curves, market)) isFeasible = false
    low[i] = worthOfLotIn(curves, market, position)
    high[i] = costOfLotOut(curves, market, position)
  })
  if (count === 1) return { isFeasible, positions, flows, lowTicks: low, highTicks: high, reaches: alone }
  const reaches = closure(cluster, flows)
  const [lowTicks, highTicks] = [Float64Array.from(low), Float64Array.from(high)]
  for (let i = 0; i < count; i += 1)
    for (let j = 0; j < count; j += 1)
      if (reaches[i * count + j] === 1) {
        lowTicks[i] = Math.max(lowTicks[i] ?? 0, low[j] ?? 0)
        highTicks[j] = Math.min(highTicks[j] ?? 0, high[i] ?? 0)
      }
  return { isFeasible, positions, flows, lowTicks, highTicks, reaches }
}

const alone = Uint8Array.of(1)

/** Lines with room by their beginning: entry 2 × line goes with it, 2 × line + 1 against it. */
const adjacency = ({ markets, lines }: Cluster): readonly (readonly number[])[] => {
  const ways: number[][] = markets.map(() => [])
  lines.forEach(({ from, to }, index) => {
    ways[from]?.push(2 * index)
    ways[to]?.push(2 * index + 1)
  })
  return ways
}

const roomOn = ({ lines }: Cluster, flows: Float64Array, way: number): number => {
  const line = lines[way >> 1]
  const flow = flows[way >> 1] ?? 0
  if (line === undefined) return 0
  return way % 2 === 0 ? line.mostLots - flow : flow - line.leastLots
}

const endOf = ({ lines }: Cluster, way: number): number =>
  (way % 2 === 0 ? lines[way >> 1]?.to : lines[way >> 1]?.from) ?? 0
const beginOf = (cluster: Cluster, way: number): number => endOf(cluster, way ^ 1)

/** For each market reached from `source` the way by which it was entered first; −1 of others and of `source`, which is −2. */
const entered = (
  cluster: Cluster,
  ways: readonly (readonly number[])[],
  flows: Float64Array,
  source: number,
): Int32Array => {
  const by = new Int32Array(cluster.markets.length).fill(-1)
  by[source] = -2
  const queue = [source]
  for (let head = 0; head < queue.length; head += 1)
    for (const way of ways[queue[head] ?? 0] ?? []) {
      const end = endOf(cluster, way)
      if (by[end] !== -1 || roomOn(cluster, flows, way) <= 0) continue
      by[end] = way
      queue.push(end)
    }
  return by
}

const closure = (cluster: Cluster, flows: Float64Array): Uint8Array => {
  const count = cluster.markets.length
  const ways = adjacency(cluster)
  const reaches = new Uint8Array(count * count)
  for (let i = 0; i < count; i += 1) {
    const by = entered(cluster, ways, flows, i)
    for (let j = 0; j < count; j += 1) reaches[i * count + j] = by[j] === -1 ? 0 : 1
  }
  return reaches
}

const flowToBest = (curves: NetCurves, cluster: Cluster, positions: Float64Array, flows: Float64Array): void => {
  const { markets } = cluster
  const ways = adjacency(cluster)
  const worth = Float64Array.from(markets, (market, i) => worthOfLotIn(curves, market, positions[i] ?? 0))
  const cost = Float64Array.from(markets, (market, i) => costOfLotOut(curves, market, positions[i] ?? 0))
  for (;;) {
    let [gain, source, sink] = [0, -1, -1]
    let best: Int32Array | undefined
    for (let i = 0; i < markets.length; i += 1) {
      if (cost[i] === Infinity) continue
      const by = entered(cluster, ways, flows, i)
      for (let j = 0; j < markets.length; j += 1) {
        const [lotWorth, lotCost] = [worth[j] ?? 0, cost[i] ?? 0]
        if (by[j] === -1 || lotWorth <= lotCost || lotWorth - lotCost <= gain) continue
        gain = lotWorth - lotCost
        source = i
        sink = j
        best = by
      }
    }
    if (best === undefined) return
    let lots = Math.min(
      roomOut(curves, markets[source] ?? 0, positions[source] ?? 0),
      roomIn(curves, markets[sink] ?? 0, positions[sink] ?? 0),
    )
    const path: number[] = []
    for (let at = sink; at !== source; at = beginOf(cluster, path.at(-1) ?? 0)) path.push(best[at] ?? 0)
    for (const way of path) lots = Math.min(lots, roomOn(cluster, flows, way))
    for (const way of path) flows[way >> 1] = (flows[way >> 1] ?? 0) + (way % 2 === 0 ? lots : -lots)
    for (const [market, change] of [
      [source, -lots],
      [sink, lots],
    ] as const) {
      positions[market] = (positions[market] ?? 0) + change
      worth[market] = worthOfLotIn(curves, markets[market] ?? 0, positions[market] ?? 0)
      cost[market] = costOfLotOut(curves, markets[market] ?? 0, positions[market] ?? 0)
    }
  }
}

/** Lots that may flow in before the next one is worth something else. */
const roomIn = (curves: NetCurves, market: number, position: number): number =>
  position < 0 ? -position : (curves.endLots[stepBeyond(curves, market, position)] ?? 0) - position

/** Lots that may flow out before the next one costs something else. */
const roomOut = (curves: NetCurves, market: number, position: number): number => {
  const last = lastPosition(curves, market)
  if (position > last) return position - last
  const step = stepBefore(curves, market, position)
  return position - (step === curves.starts[market] ? 0 : (curves.endLots[step - 1] ?? 0))
}

/**
 * The price of each market: the middle of its interval, half a tick downwards; where only one end exists, that end; where
 * none does, that of the neighbours that it could send to or take from, else none. Middles of intervals that are
 * nested along the lines keep their order by themselves; one-sided ones are held to what is known above and below them.
 */
export const middlePrices = ({ lowTicks, highTicks, reaches }: ClusterClearing): (number | undefined)[] => {
  const count = lowTicks.length
  const prices: (number | undefined)[] = Array.from({ length: count }, (_, i) => {
    const [low, high] = [lowTicks[i] ?? 0, highTicks[i] ?? 0]
    return Number.isFinite(low) && Number.isFinite(high) ? Math.floor((low + high) / 2) : undefined
  })
  const known = (other: (j: number) => boolean): number[] =>
    prices.flatMap((price, j) => (price !== undefined && other(j) ? [price] : []))
  const above = (i: number): number[] => known(j => reaches[j * count + i] === 1)
  const below = (i: number): number[] => known(j => reaches[i * count + j] === 1)
  for (const isTurn of [
    (low: number, high: number) => low === -Infinity && high !== Infinity,
    (low: number, high: number) => low !== -Infinity && high === Infinity,
    (low: number, high: number) => low === -Infinity && high === Infinity,
  ]) {
    for (let i = 0; i < count; i += 1) {
      const [low, high] = [lowTicks[i] ?? 0, highTicks[i] ?? 0]
      if (prices[i] !== undefined || !isTurn(low, high)) continue
      if (high !== Infinity) prices[i] = Math.min(high, ...above(i))
      else if (low !== -Infinity) prices[i] = Math.max(low, ...below(i))
      else {
        const [least, most] = [Math.min(...above(i)), Math.max(...below(i))]
        prices[i] = least !== Infinity ? least : most !== -Infinity ? most : undefined
      }
    }
  }
  return prices
}
