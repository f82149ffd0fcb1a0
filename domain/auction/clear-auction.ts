import type { SolveProgramme } from '../integer-programme.ts'
import { Allocation, type Market } from './allocation.ts'
import { awardMarket } from './awards.ts'
import { blockBook, partSurplus } from './block-book.ts'
import type { Certificate, Clearing, ClearingMethod, MarketResult } from './clearing.ts'
import { clearingProgramme, type PriceWindows, type ProgrammeKind, priceWindows } from './clearing-programme.ts'
import { clustersOf } from './clusters.ts'
import { type Component, componentsOf } from './components.ts'
import {
  type AuctionProblemCode,
  auctionProblem,
  byText,
  canonical,
  type DayAheadAuction,
} from './day-ahead-auction.ts'
import { netCurves } from './net-curves.ts'
import { choosePrices } from './price-choice.ts'
import { repair } from './repair.ts'
import { type PriceOf, welfareBound } from './welfare-bound.ts'

export interface ClearingLimits {
  /** Branch-and-bound nodes of each programme. */
  readonly mostNodes: number
  /** Simplex iterations of each programme. */
  readonly mostIterations: number
  /** Simplex iterations of each exact model, which are few and dear. */
  readonly mostExactIterations: number
  /** Curve segments within reach of blocks, up to which a market is thin: the exact model decides where repair proves nothing. */
  readonly mostThinSegments: number
  /** Above these a market is deep: repair alone. Between the two the exact model is asked where much is at stake. */
  readonly mostExactSegments: number
  /** What is much: of all welfare, in millionths. */
  readonly exactStakePartsPerMillion: number
  /** Allocations that each repair may try. */
  readonly mostTrials: number
  /** Of all welfare: what is as good as optimal, in millionths. 0 asks for proof. */
  readonly gapPartsPerMillion: number
}

export const defaultLimits: ClearingLimits = {
  mostNodes: 20_000,
  mostIterations: 2_000_000,
  mostThinSegments: 400,
  mostExactSegments: 900,
  exactStakePartsPerMillion: 50,
  mostExactIterations: 10_000,
  mostTrials: 2_000,
  gapPartsPerMillion: 1,
}

export type ClearingAnswer =
  | { readonly isCleared: true; readonly clearing: Clearing }
  | {
      readonly isCleared: false
      /** `unbalanced`: what is injected fits no orders, whatever their price. */
      readonly code: AuctionProblemCode | 'unbalanced'
      readonly at: string
    }

export interface ClearingOptions {
  readonly solve: SolveProgramme
  readonly limits?: ClearingLimits
  /** From 0 to 1. */
  readonly progress?: (part: number) => void
}

/**
 * Clears a day-ahead auction: the same answer for the same bids in whatever order. Uniform price in each market, welfare
 * as great as the limits let it be found, no block that loses at the prices; with the certificate of it.
 */
export const clearAuction = (
  asked: DayAheadAuction,
  { solve, limits = defaultLimits, progress }: ClearingOptions,
): ClearingAnswer => {
  const wrong = auctionProblem(asked)
  if (wrong !== undefined) return { isCleared: false, ...wrong }
  const auction = canonical(asked)
  const market = marketOf(auction)
  const allocation = new Allocation(market)
  const stepsWelfare = allocation.welfare()
  if (stepsWelfare === -Infinity)
    return { isCleared: false, code: 'unbalanced', at: unbalancedAt(auction, market, allocation) }
  const components = componentsOf(market)
  const prices = [...allocation.middlePrices()]
  const work: Work = { market, allocation, windows: priceWindows(market), solve, limits, scale: Math.abs(stepsWelfare) }
  const decided = components.map((component, done) => {
    progress?.(done / components.length)
    const decision = decide(work, component)
    for (const at of component.clusters)
      for (const index of market.clusters[at]?.markets ?? []) prices[index] = decision.prices[index]
    return decision
  })
  progress?.(1)
  return { isCleared: true, clearing: clearingOf(auction, work, components, decided, prices, stepsWelfare) }
}

const marketOf = (auction: DayAheadAuction): Market => {
  const areaIndex = new Map(auction.areas.map((area, index) => [area, index]))
  const clusters = clustersOf(auction, areaIndex)
  const markets = auction.areas.length * auction.periods
  const clusterOf = new Int32Array(markets)
  clusters.forEach((cluster, at) => {
    for (const index of cluster.markets) clusterOf[index] = at
  })
  const fixedInjections = new Float64Array(markets)
  for (const { area, period, lots } of auction.injections) {
    const index = period * auction.areas.length + (areaIndex.get(area) ?? 0)
    fixedInjections[index] = (fixedInjections[index] ?? 0) + lots
  }
  return {
    curves: netCurves(auction),
    clusters,
    clusterOf,
    fixedInjections,
    book: blockBook(auction, areaIndex),
    leastPriceTicks: auction.leastPriceTicks,
    mostPriceTicks: auction.mostPriceTicks,
  }
}

const nameOf = ({ areas }: DayAheadAuction, index: number): { readonly area: string; readonly period: number } => ({
  area: areas[index % areas.length] ?? '',
  period: Math.floor(index / areas.length),
})

const unbalancedAt = (auction: DayAheadAuction, market: Market, allocation: Allocation): string => {
  const at = market.clusters.keys().find(cluster => !allocation.clearing(cluster).isFeasible) ?? 0
  const { area, period } = nameOf(auction, market.clusters[at]?.markets[0] ?? 0)
  return `${area} ${period}`
}

interface Work {
  readonly market: Market
  readonly allocation: Allocation
  readonly windows: PriceWindows
  readonly solve: SolveProgramme
  readonly limits: ClearingLimits
  /** The welfare that gaps are counted in. */
  readonly scale: number
}

interface Decision {
  readonly method: ClearingMethod
  readonly prices: readonly (number | undefined)[]
  /** The component's bound is so much more than its welfare. */
  readonly excess: number
  readonly isLimitHit: boolean
  readonly nodes: number
  readonly iterations: number
}

/** Leaves the component's blocks taken as decided. */
const decide = (work: Work, component: Component): Decision => {
  const { market, allocation, solve, limits } = work
  const share = component.blocks.length / market.book.blocks.length
  const toleratedExcess = (limits.gapPartsPerMillion / 1e6) * work.scale * share
  const best = solved(work, component, 'welfare', toleratedExcess)
  const { nodes, iterations, isLimitHit } = best
  const choice = choosePrices(market, allocation, component.blocks, solve, limits)
  const excess = excessOver(allocation.welfare(), best.bound)
  if (choice.isSupported) return { method: 'welfare', prices: choice.prices, excess, isLimitHit, nodes, iterations }
  const prices = repair(market, allocation, component, solve, limits)
  const repaired = { taken: Int32Array.from(allocation.taken), welfare: allocation.welfare() }
  const repairedExcess = excessOver(repaired.welfare, best.bound)
  const stake = best.segments <= limits.mostThinSegments ? 0 : (limits.exactStakePartsPerMillion / 1e6) * work.scale
  if (repairedExcess <= Math.max(toleratedExcess, stake) || best.segments > limits.mostExactSegments)
    return { method: 'repaired', prices, excess: repairedExcess, isLimitHit, nodes, iterations }
  takeNone(allocation, component)
  const exact = solved(work, component, 'exact', toleratedExcess)
  const exactChoice = choosePrices(market, allocation, component.blocks, solve, limits)
  const isBetter = exactChoice.isSupported && allocation.welfare() >= repaired.welfare
  if (!isBetter) for (const index of component.blocks) allocation.take(index, repaired.taken[index] ?? 0)
  const welfare = allocation.welfare()
  return {
    method: isBetter ? 'exact' : 'repaired',
    prices: isBetter ? exactChoice.prices : prices,
    excess: Math.min(excessOver(welfare, best.bound), excessOver(welfare, exact.bound)),
    isLimitHit: isLimitHit || exact.isLimitHit,
    nodes: nodes + exact.nodes,
    iterations: iterations + exact.iterations,
  }
}

/** A bound below what was reached is a solver's mistake, and none; the witness still bounds the clearing then. */
const excessOver = (welfare: number, bound: number): number => (bound < welfare ? Infinity : bound - welfare)

interface Solved {
  /** In welfare of the whole auction as the other components stand; ∞ where there is none. */
  readonly bound: number
  readonly isLimitHit: boolean
  readonly segments: number
  readonly nodes: number
  readonly iterations: number
}

/** Begins with none of the component's blocks taken; takes what the programme says where that is better. */
const solved = (work: Work, component: Component, kind: ProgrammeKind['kind'], toleratedExcess: number): Solved => {
  const { market, allocation, windows, solve, limits } = work
  const { mostNodes } = limits
  const mostIterations = kind === 'exact' ? limits.mostExactIterations : limits.mostIterations
  const stated = clearingProgramme(market, windows, component, { kind, mostNodes, mostIterations, absoluteGap: 0 })
  // Welfare is whole: half a unit is proof.
  const absoluteGap = Math.max(0.5, toleratedExcess) / stated.objectiveUnit
  const answer = solve({ ...stated.programme, absoluteGap })
  const without = allocation.welfare()
  const others = component.clusters.reduce((rest, at) => rest - allocation.stepsWelfare(at), without)
  if (answer.columns !== undefined)
    for (const [i, parts] of stated.takenIn(answer.columns).entries()) allocation.take(component.blocks[i] ?? 0, parts)
  if (allocation.welfare() < without) takeNone(allocation, component)
  const gain = answer.bound * stated.objectiveUnit
  // The solver's tolerances are relative; below a unit of welfare there is nothing.
  const bound = others + stated.constant + Math.floor(gain + Math.max(1e-3, 1e-9 * Math.abs(gain)))
  return {
    bound: Number.isFinite(bound) ? bound : Infinity,
    isLimitHit: answer.status !== 'optimal',
    segments: stated.segments,
    nodes: answer.nodes,
    iterations: answer.iterations,
  }
}

const takeNone = (allocation: Allocation, component: Component): void => {
  for (const index of component.blocks) allocation.take(index, 0)
}

const awardsOf = (
  auction: DayAheadAuction,
  market: Market,
  allocation: Allocation,
  prices: readonly (number | undefined)[],
): Float64Array => {
  const awards = new Float64Array(auction.steps.length)
  for (const [at, { markets }] of market.clusters.entries()) {
    const { positions } = allocation.clearing(at)
    for (let i = 0; i < markets.length; i += 1) {
      const index = markets[i] ?? 0
      awardMarket(market.curves, auction.steps, index, positions[i] ?? 0, prices[index], awards)
    }
  }
  return awards
}

const clearingOf = (
  auction: DayAheadAuction,
  work: Work,
  components: readonly Component[],
  decided: readonly Decision[],
  prices: readonly (number | undefined)[],
  stepsWelfare: number,
): Clearing => {
  const { market, allocation } = work
  const { blocks } = market.book
  const awards = awardsOf(auction, market, allocation, prices)
  const bought = new Float64Array(prices.length)
  const sold = new Float64Array(prices.length)
  const areaIndex = new Map(auction.areas.map((area, index) => [area, index]))
  auction.steps.forEach(({ area, period, side }, i) => {
    const lots = side === 'buy' ? bought : sold
    const index = period * auction.areas.length + (areaIndex.get(area) ?? 0)
    lots[index] = (lots[index] ?? 0) + (awards[i] ?? 0)
  })
  for (const block of blocks)
    block.markets.forEach((index, i) => {
      const lots = (allocation.taken[block.index] ?? 0) * (block.partLots[i] ?? 0)
      if (lots > 0) sold[index] = (sold[index] ?? 0) + lots
      else bought[index] = (bought[index] ?? 0) - lots
    })
  const markets = prices.map(
    (priceTicks, index): MarketResult => ({
      ...nameOf(auction, index),
      priceTicks: priceTicks ?? null,
      boughtLots: bought[index] ?? 0,
      soldLots: sold[index] ?? 0,
    }),
  )
  const blockResults = blocks.map(block => {
    const takenParts = allocation.taken[block.index] ?? 0
    const surplusOfPart = partSurplus(block, prices)
    const decision =
      takenParts === block.parts
        ? 'accepted'
        : takenParts > 0
          ? 'partially-accepted'
          : surplusOfPart > 0
            ? 'paradoxically-rejected'
            : 'rejected'
    return {
      blockId: block.blockId,
      decision,
      takenParts,
      parts: block.parts,
      surplus: surplusOfPart * (takenParts === 0 ? block.parts : takenParts),
    } as const
  })
  const flows = market.clusters.flatMap(({ lines }, at) =>
    lines.map(({ line }, i) => ({ line, lots: allocation.clearing(at).flows[i] ?? 0 })),
  )
  return {
    markets,
    blocks: blockResults,
    awards: auction.steps
      .flatMap(({ orderId }, i) => (awards[i] === 0 ? [] : [{ orderId, lots: awards[i] ?? 0 }]))
      .sort((a, b) => byText(a.orderId, b.orderId)),
    flows: flows
      .sort((a, b) => a.line - b.line)
      .flatMap(({ line, lots }) => {
        const of = auction.lines[line]
        return of === undefined ? [] : [{ from: of.from, to: of.to, period: of.period, lots }]
      }),
    certificate: certificateOf(auction, work, components, decided, prices, stepsWelfare),
  }
}

const certificateOf = (
  auction: DayAheadAuction,
  work: Work,
  components: readonly Component[],
  decided: readonly Decision[],
  prices: readonly (number | undefined)[],
  stepsWelfare: number,
): Certificate => {
  const welfare = work.allocation.welfare()
  const sum = (part: (decision: Decision) => number): number => decided.reduce((total, each) => total + part(each), 0)
  const searchBound = welfare + sum(({ excess }) => excess)
  const witness = witnessOf(auction, work, components, prices, welfare)
  const bound = Math.min(searchBound, witness.bound)
  return {
    welfare,
    stepsWelfare,
    bound,
    gapPartsPerMillion: gapOf(welfare, bound),
    witnessBound: witness.bound,
    witnessGapPartsPerMillion: gapOf(welfare, witness.bound),
    witnessPriceTicks: witness.prices.map(price => price ?? null),
    methods: { welfare: 0, repaired: 0, exact: 0, ...countsOf(decided.map(({ method }) => method)) },
    isLimitHit: decided.some(({ isLimitHit }) => isLimitHit),
    nodes: sum(({ nodes }) => nodes),
    iterations: sum(({ iterations }) => iterations),
  }
}

const countsOf = (methods: readonly ClearingMethod[]): Partial<Record<ClearingMethod, number>> =>
  Object.fromEntries([...Map.groupBy(methods, method => method)].map(([method, all]) => [method, all.length]))

const gapOf = (welfare: number, bound: number): number => {
  if (bound === welfare) return 0
  return welfare === 0 ? Infinity : ((bound - welfare) / Math.abs(welfare)) * 1e6
}

/** The prices, the clearing's own or those of the linear relaxation, that prove the lower bound. */
const witnessOf = (
  auction: DayAheadAuction,
  work: Work,
  components: readonly Component[],
  prices: readonly (number | undefined)[],
  welfare: number,
): { readonly prices: readonly (number | undefined)[]; readonly bound: number } => {
  const { market, windows, solve, limits } = work
  const priceOf =
    (all: readonly (number | undefined)[]): PriceOf =>
    (area, period) =>
      all[period * auction.areas.length + auction.areas.indexOf(area)]
  const own = welfareBound(auction, priceOf(prices))
  if (own === welfare) return { prices, bound: own }
  const dual = [...prices]
  for (const component of components) {
    const relaxed = clearingProgramme(market, windows, component, { kind: 'relaxed', ...limits, absoluteGap: 0 })
    const { rowDuals } = solve(relaxed.programme)
    if (rowDuals.length > 0) for (const [index, ticks] of relaxed.pricesIn(rowDuals)) dual[index] = ticks
  }
  const bound = welfareBound(auction, priceOf(dual))
  return bound < own ? { prices: dual, bound } : { prices, bound: own }
}
