import { type BlockOrder, type DayAheadAuction, fullAcceptanceBasisPoints, marketIndex } from './day-ahead-auction.ts'

/** A block in arrays: markets by index, lots a part, above zero what comes into the market. */
export interface Block {
  readonly blockId: string
  /** Its place among all blocks, in order of ids. */
  readonly index: number
  readonly priceTicks: number
  readonly markets: readonly number[]
  /** Of one part, in each of its markets: above zero sold into it, below zero bought out of it. */
  readonly partLots: readonly number[]
  readonly parts: number
  /** Fewer than these are not taken, except none. */
  readonly leastParts: number
  /** What one part adds to welfare by itself, in ticks × lots: below zero what its sellers ask. */
  readonly partValue: number
  /** −1 where there is none. */
  readonly parent: number
  readonly children: readonly number[]
  /** −1 where there is none. */
  readonly group: number
}

export interface BlockBook {
  readonly blocks: readonly Block[]
  readonly groups: readonly (readonly number[])[]
}

export const blockBook = (auction: DayAheadAuction, areaIndex: ReadonlyMap<string, number>): BlockBook => {
  const { blocks, areas } = auction
  const indexOf = new Map(blocks.map(({ blockId }, index) => [blockId, index]))
  const names = [...new Set(blocks.flatMap(({ exclusiveGroup }) => exclusiveGroup ?? []))]
  const groupOf = new Map(names.map((name, group) => [name, group]))
  const parents = blocks.map(({ parentId }) => (parentId === null ? -1 : (indexOf.get(parentId) ?? -1)))
  const children = Map.groupBy(parents.keys(), index => parents[index] ?? -1)
  const prepared = blocks.map((block, index): Block => {
    const { parts, leastParts } = partsOf(block)
    const sign = block.side === 'sell' ? 1 : -1
    const partLots = block.profile.map(({ lots }) => (sign * lots) / parts)
    return {
      blockId: block.blockId,
      index,
      priceTicks: block.priceTicks,
      markets: block.profile.map(({ area, period }) => marketIndex(period, areaIndex.get(area) ?? 0, areas.length)),
      partLots,
      parts,
      leastParts,
      partValue: -block.priceTicks * partLots.reduce((total, lots) => total + lots, 0),
      parent: parents[index] ?? -1,
      children: children.get(index) ?? [],
      group: block.exclusiveGroup === null ? -1 : (groupOf.get(block.exclusiveGroup) ?? -1),
    }
  })
  return {
    blocks: prepared,
    groups: names.map((_, group) => prepared.flatMap(b => (b.group === group ? b.index : []))),
  }
}

/** Into how many equal parts a block falls, and how many of them are the fewest. An all-or-nothing block has one. */
export const partsOf = (block: BlockOrder): { readonly parts: number; readonly leastParts: number } => {
  const ratio = block.minimumAcceptanceBasisPoints
  if (ratio === fullAcceptanceBasisPoints) return { parts: 1, leastParts: 1 }
  const parts = block.profile.reduce((divisor, { lots }) => greatestDivisor(divisor, lots), 0)
  // ratio × parts may be large, but is exact up to 2^53, as lots are.
  const least = Number(
    (BigInt(ratio) * BigInt(parts) + BigInt(fullAcceptanceBasisPoints) - 1n) / BigInt(fullAcceptanceBasisPoints),
  )
  return { parts, leastParts: least }
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b))

/** What one part gains at these prices, in ticks × lots; a market without a price counts as its own price. */
export const partSurplus = (block: Block, prices: ArrayLike<number | undefined>): number => {
  let surplus = 0
  for (let i = 0; i < block.markets.length; i += 1) {
    const price = prices[block.markets[i] ?? 0]
    if (price !== undefined) surplus += (block.partLots[i] ?? 0) * (price - block.priceTicks)
  }
  return surplus
}

/** Whether block `index` may be taken in `parts`, given what the others are taken in. */
export const mayTake = (
  { blocks, groups }: BlockBook,
  taken: ArrayLike<number>,
  index: number,
  parts: number,
): boolean => {
  const block = blocks[index]
  if (block === undefined) return false
  if (parts !== 0 && (parts < block.leastParts || parts > block.parts)) return false
  if (parts > 0 && block.group >= 0 && groups[block.group]?.some(other => other !== index && (taken[other] ?? 0) > 0))
    return false
  const isAtMost = (lower: Block, lowerParts: number, upper: Block, upperParts: number): boolean =>
    lowerParts * upper.parts <= upperParts * lower.parts
  const parent = blocks[block.parent]
  if (parent !== undefined && !isAtMost(block, parts, parent, taken[parent.index] ?? 0)) return false
  return block.children.every(index => {
    const child = blocks[index]
    return child === undefined || isAtMost(child, taken[index] ?? 0, block, parts)
  })
}
