import { type IntegerProgramme, ProgrammeBuilder } from '../integer-programme.ts'
import { Allocation, type Market } from './allocation.ts'
import type { Block } from './block-book.ts'
import type { Component } from './components.ts'
import { stepsAt } from './net-curves.ts'

/**
 * The prices that each market can come to, whichever blocks are taken: from those with all blocks sold into the markets
 * and none bought, to those with all bought and none sold. More lots into any market of a cluster never raise a price
 * in it, so no step priced outside is ever in question: leaving those out of the programme is exact.
 */
export interface PriceWindows {
  readonly low: Float64Array
  readonly high: Float64Array
}

export const priceWindows = (market: Market): PriceWindows => {
  const [low, high] = [new Float64Array(market.curves.markets), new Float64Array(market.curves.markets)]
  for (const isSold of [true, false]) {
    const allocation = new Allocation(market)
    for (const { index, parts, partLots } of market.book.blocks)
      if ((partLots[0] ?? 0) > 0 === isSold) allocation.take(index, parts)
    for (const [at, { markets }] of market.clusters.entries()) {
      const { lowTicks, highTicks } = allocation.clearing(at)
      markets.forEach((index, i) => {
        if (isSold) low[index] = Math.max(lowTicks[i] ?? 0, market.leastPriceTicks)
        else high[index] = Math.min(highTicks[i] ?? 0, market.mostPriceTicks)
      })
    }
  }
  return { low, high }
}

/** Steps of one market at one price, within its window. */
interface Segment {
  readonly ticks: number
  readonly lots: number
}

const segmentsOf = ({ curves }: Market, windows: PriceWindows, index: number): readonly Segment[] => {
  const segments: Segment[] = []
  const [low, high] = [windows.low[index] ?? 0, windows.high[index] ?? 0]
  const end = curves.starts[index + 1] ?? 0
  let place = stepsAt(curves, index, high)[0]
  let before = place === curves.starts[index] ? 0 : (curves.endLots[place - 1] ?? 0)
  while (place < end && (curves.priceTicks[place] ?? 0) >= low) {
    const ticks = curves.priceTicks[place] ?? 0
    while (place < end && curves.priceTicks[place] === ticks) place += 1
    const after = curves.endLots[place - 1] ?? 0
    segments.push({ ticks, lots: after - before })
    before = after
  }
  return segments
}

export interface ClearingProgramme {
  readonly programme: IntegerProgramme
  readonly segments: number
  /** Ticks × lots for one unit of the objective. */
  readonly objectiveUnit: number
  /** Welfare of the component's clusters and blocks is this and the objective. */
  readonly constant: number
  /** Parts of the component's blocks in a solution, in its order. */
  takenIn(columns: Float64Array): readonly number[]
  /** The dual prices of a linear relaxation by market, whole and within the range of prices. */
  pricesIn(rowDuals: Float64Array): ReadonlyMap<number, number>
}

export interface ProgrammeKind {
  /** `relaxed`: blocks may be taken in any fraction. `exact`: with prices at which no block that is taken loses. */
  readonly kind: 'relaxed' | 'welfare' | 'exact'
  readonly absoluteGap: number
  readonly mostNodes: number
  readonly mostIterations: number
}

/**
 * Welfare of a component to be maximised: one balance a market, a column a segment of its curve, a line and a block.
 *
 * `exact` adds prices in whole ticks and complementarity, by binaries with tight constants: a segment taken at all holds
 * the price down to its own, one not taken whole holds it up; a line with room keeps its ends in order; a block that is
 * taken does not lose (the primal-dual model with uniform prices of Madani and Van Vyve, Computers & Operations Research
 * 2015, in complementarity rather than strong-duality form, since that keeps the coefficients small).
 */
export const clearingProgramme = (
  market: Market,
  windows: PriceWindows,
  component: Component,
  { kind, ...limits }: ProgrammeKind,
): ClearingProgramme => {
  const { curves, book } = market
  const builder = new ProgrammeBuilder()
  const blocks = component.blocks.map(index => book.blocks[index]).filter(block => block !== undefined)
  const indexes = component.clusters.flatMap(at => market.clusters[at]?.markets ?? [])
  const curvesOf = new Map(indexes.map(index => [index, segmentsOf(market, windows, index)]))
  // Powers of two, so that scaling itself rounds nothing; small auctions stay as they are.
  const lotScale = powerBelow(
    1024,
    Math.max(1, ...blocks.flatMap(({ partLots, parts }) => partLots.map(l => Math.abs(l) * parts))),
  )
  // Prices are counted from a middle one: what is left of the objective is small.
  const base = new Map(
    indexes.map(index => [index, Math.round(((windows.low[index] ?? 0) + (windows.high[index] ?? 0)) / 2)]),
  )
  const baseOf = (index: number): number => base.get(index) ?? 0
  const priceScale = powerBelow(
    1024,
    Math.max(1, ...indexes.map(index => (windows.high[index] ?? 0) - (windows.low[index] ?? 0))),
  )
  const isWhole = kind !== 'relaxed'

  const balances = new Map<number, number[]>(indexes.map(index => [index, []]))
  const segmentColumns = new Map<number, readonly number[]>()
  for (const index of indexes) {
    const columns = (curvesOf.get(index) ?? []).map(({ ticks, lots }) =>
      builder.column(0, lots * lotScale, (ticks - baseOf(index)) * priceScale),
    )
    for (const column of columns) balances.get(index)?.push(column, 1)
    segmentColumns.set(index, columns)
  }
  const lineColumns = component.clusters.map(at => {
    const cluster = market.clusters[at]
    return (cluster?.lines ?? []).map(({ from, to, leastLots, mostLots }) => {
      const [source, sink] = [cluster?.markets[from] ?? 0, cluster?.markets[to] ?? 0]
      const column = builder.column(
        leastLots * lotScale,
        mostLots * lotScale,
        (baseOf(sink) - baseOf(source)) * priceScale,
      )
      balances.get(source)?.push(column, 1)
      balances.get(sink)?.push(column, -1)
      return { column, source, sink, leastLots, mostLots }
    })
  })
  const blockColumns = new Map<number, BlockColumns>()
  for (const block of blocks) {
    // Surplus of a part at the base prices.
    const cost = block.partLots.reduce(
      (sum, lots, i) => sum + lots * (baseOf(block.markets[i] ?? 0) - block.priceTicks),
      0,
    )
    const columns = addBlock(builder, block, cost * priceScale * lotScale, isWhole)
    blockColumns.set(block.index, columns)
    block.markets.forEach((index, i) => {
      balances.get(index)?.push(columns.parts, -(block.partLots[i] ?? 0) * lotScale)
    })
  }
  const balanceRows = new Map<number, number>()
  let [row, constant] = [0, 0]
  for (const index of indexes) {
    const [first] = stepsAt(curves, index, windows.high[index] ?? 0)
    const isFirst = first === curves.starts[index]
    const [filled, value] = isFirst ? [0, 0] : [curves.endLots[first - 1] ?? 0, curves.endValue[first - 1] ?? 0]
    const lots = (market.fixedInjections[index] ?? 0) + (curves.offeredLots[index] ?? 0) - filled
    builder.row(lots * lotScale, lots * lotScale, balances.get(index) ?? [])
    constant += (curves.originValue[index] ?? 0) + value + lots * baseOf(index)
    balanceRows.set(index, row)
    row += 1
  }
  addStructure(builder, market, component, blockColumns)
  if (kind === 'exact') {
    const priceColumns = new Map(
      indexes.map(index => [index, builder.column(windows.low[index] ?? 0, windows.high[index] ?? 0, 0, true)]),
    )
    for (const index of indexes)
      addComplementarity(builder, {
        segments: curvesOf.get(index) ?? [],
        columns: segmentColumns.get(index) ?? [],
        price: priceColumns.get(index) ?? 0,
        low: windows.low[index] ?? 0,
        high: windows.high[index] ?? 0,
        lotScale,
      })
    for (const lines of lineColumns)
      for (const { column, source, sink, leastLots, mostLots } of lines) {
        const [from, to] = [priceColumns.get(source) ?? 0, priceColumns.get(sink) ?? 0]
        const most = { column, end: mostLots * lotScale, width: (mostLots - leastLots) * lotScale }
        addOrder(builder, most, to, from, (windows.high[sink] ?? 0) - (windows.low[source] ?? 0))
        const least = { column, end: leastLots * lotScale, width: (leastLots - mostLots) * lotScale }
        addOrder(builder, least, from, to, (windows.high[source] ?? 0) - (windows.low[sink] ?? 0))
      }
    for (const block of blocks)
      addNoLoss(builder, block, windows, priceColumns, blockColumns.get(block.index)?.isTaken ?? 0)
  }
  return {
    programme: builder.build(limits),
    segments: [...curvesOf.values()].reduce((sum, segments) => sum + segments.length, 0),
    objectiveUnit: 1 / (priceScale * lotScale),
    constant,
    takenIn: columns => blocks.map(({ index }) => Math.round(columns[blockColumns.get(index)?.parts ?? 0] ?? 0)),
    pricesIn: rowDuals =>
      new Map(
        indexes.map(index => {
          const ticks = Math.round(baseOf(index) + (rowDuals[balanceRows.get(index) ?? 0] ?? 0) / priceScale)
          return [index, Math.min(market.mostPriceTicks, Math.max(market.leastPriceTicks, ticks))]
        }),
      ),
  }
}

/** 1 where `most` is no more than `limit`, else the power of two that brings it there. */
const powerBelow = (limit: number, most: number): number => 2 ** -Math.max(0, Math.ceil(Math.log2(most / limit)))

interface BlockColumns {
  readonly parts: number
  /** The same as `parts` where there is one part only. */
  readonly isTaken: number
}

const addBlock = (builder: ProgrammeBuilder, block: Block, cost: number, isWhole: boolean): BlockColumns => {
  if (block.parts === 1) {
    const column = builder.column(0, 1, cost, isWhole)
    return { parts: column, isTaken: column }
  }
  const parts = builder.column(0, block.parts, cost, isWhole)
  const isTaken = builder.column(0, 1, 0, isWhole)
  builder.row(-Infinity, 0, [parts, 1, isTaken, -block.parts])
  builder.row(0, Infinity, [parts, 1, isTaken, -block.leastParts])
  return { parts, isTaken }
}

/** Links and groups. */
const addStructure = (
  builder: ProgrammeBuilder,
  { book }: Market,
  component: Component,
  columns: ReadonlyMap<number, BlockColumns>,
): void => {
  for (const index of component.blocks) {
    const child = book.blocks[index]
    const parent = book.blocks[child?.parent ?? -1]
    if (child === undefined || parent === undefined) continue
    const [lower, upper] = [columns.get(index), columns.get(parent.index)]
    if (lower === undefined || upper === undefined) continue
    builder.row(-Infinity, 0, [lower.parts, 1 / child.parts, upper.parts, -1 / parent.parts])
    if (child.parts > 1) builder.row(-Infinity, 0, [lower.isTaken, 1, upper.isTaken, -1])
  }
  for (const group of component.groups)
    builder.row(
      -Infinity,
      1,
      (book.groups[group] ?? []).flatMap(index => [columns.get(index)?.isTaken ?? 0, 1]),
    )
}

interface PricedCurve {
  readonly segments: readonly Segment[]
  readonly columns: readonly number[]
  readonly price: number
  readonly low: number
  readonly high: number
  readonly lotScale: number
}

const addComplementarity = (builder: ProgrammeBuilder, curve: PricedCurve): void => {
  const { segments, columns, price, low, high, lotScale } = curve
  let fullBefore: number | undefined
  segments.forEach(({ ticks, lots }, i) => {
    const column = columns[i] ?? 0
    const width = lots * lotScale
    const [isUsed, isFull] = [builder.binary(), builder.binary()]
    builder.row(-Infinity, 0, [column, 1, isUsed, -width])
    builder.row(0, Infinity, [column, 1, isFull, -width])
    builder.row(-Infinity, 0, [isFull, 1, isUsed, -1])
    if (fullBefore !== undefined) builder.row(-Infinity, 0, [isUsed, 1, fullBefore, -1])
    // Taken at all: price ≤ ticks. Not taken whole: price ≥ ticks.
    if (high > ticks) builder.row(-Infinity, high, [price, 1, isUsed, high - ticks])
    if (ticks > low) builder.row(ticks, Infinity, [price, 1, isFull, ticks - low])
    fullBefore = isFull
  })
}

/** Where the flow is not at its end, the price of `behind` is at most that of `ahead`. */
const addOrder = (
  builder: ProgrammeBuilder,
  { column, end, width }: { readonly column: number; readonly end: number; readonly width: number },
  behind: number,
  ahead: number,
  farthest: number,
): void => {
  // No room either way: nothing is ordered.
  if (width === 0 || farthest <= 0) return
  const isAtEnd = builder.binary()
  if (width > 0) builder.row(end - width, Infinity, [column, 1, isAtEnd, -width])
  else builder.row(-Infinity, end - width, [column, 1, isAtEnd, -width])
  builder.row(-Infinity, 0, [behind, 1, ahead, -1, isAtEnd, -farthest])
}

const addNoLoss = (
  builder: ProgrammeBuilder,
  block: Block,
  windows: PriceWindows,
  prices: ReadonlyMap<number, number>,
  isTaken: number,
): void => {
  const scale = Math.max(...block.partLots.map(Math.abs))
  const entries: number[] = []
  let [limit, worst] = [0, 0]
  block.markets.forEach((index, i) => {
    const share = (block.partLots[i] ?? 0) / scale
    entries.push(prices.get(index) ?? 0, share)
    limit += share * block.priceTicks
    worst += share * ((share > 0 ? windows.low[index] : windows.high[index]) ?? 0)
  })
  // Taken: Σ share × price ≥ limit; else no less than the worst there is, which holds anyway.
  if (limit > worst) builder.row(worst, Infinity, [...entries, isTaken, worst - limit])
}
