import type { SolveProgramme } from '../integer-programme.ts'
import type { Allocation, Market } from './allocation.ts'
import { type Block, mayTake, partSurplus } from './block-book.ts'
import type { Component } from './components.ts'
import { type ChoiceLimits, choosePrices } from './price-choice.ts'

export interface Repaired {
  readonly prices: readonly (number | undefined)[]
  readonly dropped: number
  readonly added: number
}

export interface RepairLimits extends ChoiceLimits {
  /** Allocations tried when blocks are put back. */
  readonly mostTrials: number
}

/**
 * Leaves an allocation in which no block of the component that is taken loses: drops losers, the deepest hopeless one
 * first, with what hangs on it, until prices support the rest; then puts in blocks that would gain, dearest first, as
 * long as welfare rises and prices support it.
 */
export const repair = (
  market: Market,
  allocation: Allocation,
  component: Component,
  solve: SolveProgramme,
  limits: RepairLimits,
): Repaired => {
  let dropped = 0
  let choice = choosePrices(market, allocation, component.blocks, solve, limits)
  while (!choice.isSupported) {
    const loser = choice.hopeless[0] ?? choice.losers[0]
    if (loser === undefined) break
    dropped += drop(market, allocation, loser)
    choice = choosePrices(market, allocation, component.blocks, solve, limits)
  }
  let prices = choice.isSupported ? choice.prices : allocation.middlePrices()
  let [added, trials] = [0, 0]
  for (let isBetter = true; isBetter && trials < limits.mostTrials; ) {
    isBetter = false
    for (const { block, parts } of gainers(market, allocation, component, prices)) {
      if (trials >= limits.mostTrials) break
      trials += 1
      const before = allocation.welfare()
      const undo = put(market, allocation, block, parts)
      if (undo === undefined) continue
      const after =
        allocation.welfare() > before
          ? choosePrices(market, allocation, component.blocks, undefined, limits)
          : undefined
      if (after?.isSupported !== true) {
        undo()
        continue
      }
      prices = after.prices
      added += 1
      isBetter = true
    }
  }
  return { prices, dropped, added }
}

const drop = (market: Market, allocation: Allocation, block: Block): number => {
  let count = (allocation.taken[block.index] ?? 0) > 0 ? 1 : 0
  for (const child of block.children) {
    const below = market.book.blocks[child]
    if (below !== undefined) count += drop(market, allocation, below)
  }
  allocation.take(block.index, 0)
  return count
}

/** Blocks that would gain at these prices and are not taken whole, with the parts to try, dearest first. */
const gainers = (
  market: Market,
  allocation: Allocation,
  component: Component,
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

/** Takes parts of a block instead of the others of its group; undefined where it may not be taken. Answers how to undo it. */
const put = (market: Market, allocation: Allocation, block: Block, parts: number): (() => void) | undefined => {
  const { book } = market
  if (parts <= (allocation.taken[block.index] ?? 0)) return undefined
  const rivals = (book.groups[block.group] ?? []).filter(
    index => index !== block.index && (allocation.taken[index] ?? 0) > 0,
  )
  // A rival on which others hang stays.
  if (rivals.some(index => book.blocks[index]?.children.some(child => (allocation.taken[child] ?? 0) > 0)))
    return undefined
  const before = [block.index, ...rivals].map(index => [index, allocation.taken[index] ?? 0] as const)
  const undo = (): void => {
    for (const [index, taken] of before) allocation.take(index, taken)
  }
  for (const index of rivals) allocation.take(index, 0)
  if (!mayTake(book, allocation.taken, block.index, parts)) {
    undo()
    return undefined
  }
  allocation.take(block.index, parts)
  return undo
}
