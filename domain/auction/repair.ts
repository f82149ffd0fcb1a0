import type { SolveProgramme } from '../integer-programme.ts'
import type { Allocation, Market } from './allocation.ts'
import { type Block, mayTake, partSurplus } from './block-book.ts'
import type { Component } from './components.ts'
import { type ChoiceLimits, choosePrices } from './price-choice.ts'

export interface RepairLimits extends ChoiceLimits {
  /** Allocations tried when blocks are put back. */
  readonly mostTrials: number
}

/**
 * Leaves an allocation in which no block of the component that is taken loses, and answers its prices. Drops losers, and
 * what hangs on them, until prices support the rest, by several rules, of which the best outcome is kept; then puts in
 * blocks that would gain, dearest first, dropping whom they make lose, as long as welfare rises.
 */
export const repair = (
  market: Market,
  allocation: Allocation,
  component: Component,
  solve: SolveProgramme,
  limits: RepairLimits,
): readonly (number | undefined)[] => {
  const work: Work = { market, allocation, component, solve, limits }
  const start = takenOf(work)
  let best: Repaired | undefined
  for (const rule of dropRules) {
    restore(work, start)
    const prices = dropLosers(work, rule, solve)
    const welfare = allocation.welfare()
    if (best === undefined || welfare > best.welfare) best = { prices, welfare, taken: takenOf(work) }
  }
  if (best === undefined) return allocation.middlePrices()
  restore(work, best.taken)
  return improve(work, best).prices
}

interface Work {
  readonly market: Market
  readonly allocation: Allocation
  readonly component: Component
  readonly solve: SolveProgramme
  readonly limits: RepairLimits
}

interface Repaired {
  readonly prices: readonly (number | undefined)[]
  readonly welfare: number
  /** Of the component's blocks. */
  readonly taken: readonly number[]
}

const takenOf = ({ allocation, component }: Work): readonly number[] =>
  component.blocks.map(index => allocation.taken[index] ?? 0)

const restore = ({ allocation, component }: Work, taken: readonly number[]): void => {
  for (const [i, index] of component.blocks.entries()) allocation.take(index, taken[i] ?? 0)
}

/** Which of the losers goes first. */
type DropRule = (work: Work, losers: readonly Block[]) => Block | undefined

const dropRules: readonly DropRule[] = [
  // The one that loses most.
  (_, losers) => losers[0],
  // The one whose leaving costs least.
  (work, losers) => {
    let [best, leastCost] = [losers[0], Infinity]
    for (const loser of losers) {
      const before = takenOf(work)
      const welfare = work.allocation.welfare()
      drop(work, loser)
      const cost = welfare - work.allocation.welfare()
      restore(work, before)
      if (cost < leastCost) [best, leastCost] = [loser, cost]
    }
    return best
  },
  // The one that loses most on a lot.
  (work, losers) => {
    const prices = work.allocation.middlePrices()
    const perLot = (block: Block): number =>
      partSurplus(block, prices) / block.partLots.reduce((sum, lots) => sum + Math.abs(lots), 0)
    return losers.toSorted((a, b) => perLot(a) - perLot(b) || a.index - b.index)[0]
  },
]

/** Until prices support what is left: those that lose at any prices before those that lose at the middles. */
const dropLosers = (work: Work, rule: DropRule, solve: SolveProgramme | undefined): readonly (number | undefined)[] => {
  const { market, allocation, component, limits } = work
  for (;;) {
    const choice = choosePrices(market, allocation, component.blocks, solve, limits)
    if (choice.isSupported) return choice.prices
    const loser = rule(work, choice.hopeless.length > 0 ? choice.hopeless : choice.losers)
    if (loser === undefined) return allocation.middlePrices()
    drop(work, loser)
  }
}

const improve = (work: Work, best: Repaired): Repaired => {
  const { allocation, limits } = work
  let trials = 0
  for (let isBetter = true; isBetter && trials < limits.mostTrials; ) {
    isBetter = false
    for (const { block, parts } of gainers(work, best.prices)) {
      if (trials >= limits.mostTrials) break
      if (!put(work, block, parts)) continue
      trials += 1
      const prices = dropLosers(work, deepest, undefined)
      const welfare = allocation.welfare()
      if (welfare > best.welfare) {
        best = { prices, welfare, taken: takenOf(work) }
        isBetter = true
      } else restore(work, best.taken)
    }
  }
  return best
}

const deepest: DropRule = (_, losers) => losers[0]

/** One part less of it where that is allowed, else none; and none of what hangs on more of it. */
const drop = (work: Work, block: Block): void => {
  const { allocation, market } = work
  const taken = allocation.taken[block.index] ?? 0
  const left = taken > block.leastParts ? taken - 1 : 0
  for (const child of block.children) {
    const below = market.book.blocks[child]
    while (below !== undefined && (allocation.taken[child] ?? 0) * block.parts > left * below.parts) drop(work, below)
  }
  allocation.take(block.index, left)
}

/** Blocks that would gain at these prices and are not taken whole, with the parts to try, dearest first. */
const gainers = (
  { market, allocation, component }: Work,
  prices: readonly (number | undefined)[],
): readonly { readonly block: Block; readonly parts: number }[] =>
  component.blocks
    .flatMap(index => {
      const block = market.book.blocks[index]
      const taken = allocation.taken[index] ?? 0
      if (block === undefined || taken === block.parts) return []
      const surplus = partSurplus(block, prices)
      if (surplus <= 0) return []
      const options = new Set([block.parts, taken === 0 ? block.leastParts : taken + 1])
      return [...options].map(parts => ({ block, parts, gain: surplus * (parts - taken) }))
    })
    .sort((a, b) => b.gain - a.gain || a.block.index - b.block.index || b.parts - a.parts)

/** Takes parts of a block instead of the others of its group; false, and nothing changed, where it may not be taken. */
const put = ({ market, allocation }: Work, block: Block, parts: number): boolean => {
  const { book } = market
  if (parts <= (allocation.taken[block.index] ?? 0)) return false
  const rivals = (book.groups[block.group] ?? []).filter(
    index => index !== block.index && (allocation.taken[index] ?? 0) > 0,
  )
  // A rival on which others hang stays.
  if (rivals.some(index => book.blocks[index]?.children.some(child => (allocation.taken[child] ?? 0) > 0))) return false
  const before = rivals.map(index => [index, allocation.taken[index] ?? 0] as const)
  for (const index of rivals) allocation.take(index, 0)
  const isAllowed = mayTake(book, allocation.taken, block.index, parts)
  if (isAllowed) allocation.take(block.index, parts)
  else for (const [index, taken] of before) allocation.take(index, taken)
  return isAllowed
}
