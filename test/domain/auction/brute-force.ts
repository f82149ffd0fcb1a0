import type { BlockOrder, DayAheadAuction } from '#domain/auction/day-ahead-auction.ts'

/**
 * The greatest welfare of a small auction without a losing block, found by trying everything: each number of parts of each
 * block, each whole flow, each number of lots traded, each whole price. Shares nothing with the clearing but its types.
 */
export const bruteForceWelfare = (auction: DayAheadAuction): number | undefined => {
  const parts = auction.blocks.map(block => {
    const isWhole = block.minimumAcceptanceBasisPoints === 10_000
    let divisor = Math.min(...block.profile.map(({ lots }) => lots))
    while (block.profile.some(({ lots }) => lots % divisor !== 0)) divisor -= 1
    return isWhole ? 1 : divisor
  })
  const options = auction.blocks.map((block, b) =>
    Array.from({ length: (parts[b] ?? 0) + 1 }, (_, n) => n).filter(
      n => n === 0 || n * 10_000 >= block.minimumAcceptanceBasisPoints * (parts[b] ?? 0),
    ),
  )
  const lotsIn = (block: BlockOrder, b: number, n: number): readonly (readonly [string, number, number])[] =>
    block.profile.map(({ area, period, lots }) => [
      area,
      period,
      ((block.side === 'sell' ? 1 : -1) * lots * n) / (parts[b] ?? 1),
    ])
  const known = new Map<string, number>()
  const stepsWelfare = (period: number, injections: readonly number[]): number => {
    const key = `${period} ${injections}`
    const value = known.get(key) ?? bestOfFlows(auction, period, injections)
    known.set(key, value)
    return value
  }
  const injectionsOf = (chosen: readonly number[]): number[][] => {
    const injections = Array.from({ length: auction.periods }, () => auction.areas.map(() => 0))
    const add = (area: string, period: number, lots: number): void => {
      const row = injections[period]
      const at = auction.areas.indexOf(area)
      if (row !== undefined) row[at] = (row[at] ?? 0) + lots
    }
    for (const { area, period, lots } of auction.injections) add(area, period, lots)
    auction.blocks.forEach((block, b) => {
      for (const [area, period, lots] of lotsIn(block, b, chosen[b] ?? 0)) add(area, period, lots)
    })
    return injections
  }
  const candidates = product(options)
    .filter(chosen => isAllowed(auction, parts, chosen))
    .map(chosen => {
      const injections = injectionsOf(chosen)
      let welfare = injections.reduce((sum, each, period) => sum + stepsWelfare(period, each), 0)
      auction.blocks.forEach((block, b) => {
        for (const [, , lots] of lotsIn(block, b, chosen[b] ?? 0)) welfare -= lots * block.priceTicks
      })
      return { chosen, injections, welfare }
    })
    .filter(({ welfare }) => welfare > -Infinity)
    .sort((a, b) => b.welfare - a.welfare)
  const found = candidates.find(({ chosen, injections }) => {
    const taken = auction.blocks.flatMap((block, b) =>
      (chosen[b] ?? 0) > 0 ? [{ priceTicks: block.priceTicks, lots: lotsIn(block, b, chosen[b] ?? 0) }] : [],
    )
    const supports = injections.map((each, period) => supporting(auction, period, each, stepsWelfare(period, each)))
    return someCombination(auction, supports, taken)
  })
  return found?.welfare
}

const product = (options: readonly (readonly number[])[]): number[][] =>
  options.reduce<number[][]>((all, each) => all.flatMap(head => each.map(n => [...head, n])), [[]])

const isAllowed = (auction: DayAheadAuction, parts: readonly number[], chosen: readonly number[]): boolean =>
  auction.blocks.every((block, b) => {
    const ratio = (at: number): number => (chosen[at] ?? 0) / (parts[at] ?? 1)
    const parent = auction.blocks.findIndex(other => other.blockId === block.parentId)
    if (parent >= 0 && ratio(b) > ratio(parent) + 1e-12) return false
    const isRival = (other: BlockOrder, at: number): boolean =>
      at !== b && other.exclusiveGroup === block.exclusiveGroup && (chosen[at] ?? 0) > 0
    return block.exclusiveGroup === null || (chosen[b] ?? 0) === 0 || !auction.blocks.some(isRival)
  })

const bestOfFlows = (auction: DayAheadAuction, period: number, injections: readonly number[]): number => {
  const lines = auction.lines.filter(line => line.period === period)
  const flows = product(
    lines.map(({ leastLots, mostLots }) => Array.from({ length: mostLots - leastLots + 1 }, (_, i) => leastLots + i)),
  )
  return Math.max(
    ...flows.map(each => {
      const net = [...injections]
      lines.forEach(({ from, to }, l) => {
        const [a, b] = [auction.areas.indexOf(from), auction.areas.indexOf(to)]
        net[a] = (net[a] ?? 0) - (each[l] ?? 0)
        net[b] = (net[b] ?? 0) + (each[l] ?? 0)
      })
      return auction.areas.reduce((sum, area, a) => sum + bestOfLots(auction, area, period, net[a] ?? 0), 0)
    }),
  )
}

/** One lot after the other: `net` more are bought than sold. */
const bestOfLots = (auction: DayAheadAuction, area: string, period: number, net: number): number => {
  const lots = (side: string): number[] =>
    auction.steps
      .filter(step => step.area === area && step.period === period && step.side === side)
      .flatMap(step => Array.from({ length: step.lots }, () => step.priceTicks))
  const bids = lots('buy').sort((a, b) => b - a)
  const offers = lots('sell').sort((a, b) => a - b)
  let best = -Infinity
  for (let sold = 0; sold <= offers.length; sold += 1) {
    const bought = sold + net
    if (bought < 0 || bought > bids.length) continue
    const sum = (prices: readonly number[]): number => prices.reduce((total, each) => total + each, 0)
    best = Math.max(best, sum(bids.slice(0, bought)) - sum(offers.slice(0, sold)))
  }
  return best
}

/** All whole prices of the areas at which everyone is content: what they gain adds up to the welfare. */
const supporting = (
  auction: DayAheadAuction,
  period: number,
  injections: readonly number[],
  welfare: number,
): number[][] => {
  const all = Array.from(
    { length: auction.mostPriceTicks - auction.leastPriceTicks + 1 },
    (_, i) => auction.leastPriceTicks + i,
  )
  return product(auction.areas.map(() => all)).filter(prices => {
    const at = (area: string): number => prices[auction.areas.indexOf(area)] ?? 0
    let gains = injections.reduce((sum, lots, a) => sum + lots * (prices[a] ?? 0), 0)
    for (const step of auction.steps)
      if (step.period === period)
        gains += step.lots * Math.max(0, (step.side === 'buy' ? 1 : -1) * (step.priceTicks - at(step.area)))
    for (const line of auction.lines)
      if (line.period === period) {
        const difference = at(line.to) - at(line.from)
        gains += Math.max(difference * line.mostLots, difference * line.leastLots)
      }
    return gains === welfare
  })
}

const someCombination = (
  auction: DayAheadAuction,
  supports: readonly (readonly (readonly number[])[])[],
  taken: readonly { readonly priceTicks: number; readonly lots: readonly (readonly [string, number, number])[] }[],
): boolean => {
  // Of each period only what the blocks gain in it, once.
  const gains = supports.map((each, period) => {
    const rows = each.map(prices =>
      taken.map(({ priceTicks, lots }) =>
        lots.reduce(
          (sum, [area, at, n]) =>
            at === period ? sum + n * ((prices[auction.areas.indexOf(area)] ?? 0) - priceTicks) : sum,
          0,
        ),
      ),
    )
    return [...new Map(rows.map(row => [row.join(), row])).values()]
  })
  const most = gains.map(rows => taken.map((_, b) => Math.max(...rows.map(row => row[b] ?? 0))))
  const search = (period: number, sums: readonly number[]): boolean => {
    const rows = gains[period]
    if (rows === undefined) return sums.every(sum => sum >= 0)
    // Whatever follows, a block that cannot come back ends this.
    const rest = (b: number): number => most.slice(period).reduce((total, row) => total + (row[b] ?? 0), 0)
    if (sums.some((sum, b) => sum + rest(b) < 0)) return false
    return rows.some(row =>
      search(
        period + 1,
        sums.map((sum, b) => sum + (row[b] ?? 0)),
      ),
    )
  }
  return search(
    0,
    taken.map(() => 0),
  )
}
