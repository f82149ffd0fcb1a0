import type { Clearing } from './clearing.ts'
import { type BlockOrder, type DayAheadAuction, fullAcceptanceBasisPoints } from './day-ahead-auction.ts'
import { welfareBound } from './welfare-bound.ts'

/**
 * What is wrong with a clearing, in words; nothing where it is what its certificate says. Looks at orders, results and
 * prices alone: no solver, and none of the code that clears. That every order is content with its price and every
 * balance holds proves that the step orders' welfare is the greatest for these blocks; the bound is computed again from
 * the witness prices. What only the search knows, `bound` below `witnessBound`, cannot be checked this way.
 */
export const clearingFaults = (auction: DayAheadAuction, clearing: Clearing): string[] => {
  const view = viewOf(auction, clearing)
  return [
    ...faultsOfNames(auction, clearing),
    ...faultsOfSteps(auction, view),
    ...faultsOfMargins(auction, view),
    ...faultsOfFlows(auction, view),
    ...faultsOfBlocks(auction, view),
    ...faultsOfBalance(auction, clearing, view),
    ...faultsOfCertificate(auction, clearing, view),
  ]
}

interface View {
  readonly priceAt: (area: string, period: number) => number | null
  readonly awarded: ReadonlyMap<string, number>
  readonly blocks: ReadonlyMap<string, Clearing['blocks'][number]>
  /** By the auction's line. */
  readonly flows: readonly number[]
}

const key = (area: string, period: number): string => `${period} ${area}`

const viewOf = (auction: DayAheadAuction, { markets, awards, blocks, flows }: Clearing): View => {
  const prices = new Map(markets.map(({ area, period, priceTicks }) => [key(area, period), priceTicks]))
  // Lines between the same areas are alike but for their limits: results come in the order of theirs.
  const sorted = auction.lines.toSorted((a, b) => a.leastLots - b.leastLots || a.mostLots - b.mostLots)
  const name = (line: { from: string; to: string; period: number }): string => `${line.period} ${line.from} ${line.to}`
  const left = Map.groupBy(flows, name)
  const of = new Map(sorted.map(line => [line, left.get(name(line))?.shift()?.lots ?? 0]))
  return {
    priceAt: (area, period) => prices.get(key(area, period)) ?? null,
    awarded: new Map(awards.map(({ orderId, lots }) => [orderId, lots])),
    blocks: new Map(blocks.map(block => [block.blockId, block])),
    flows: auction.lines.map(line => of.get(line) ?? 0),
  }
}

const faultsOfNames = ({ steps, blocks, areas, periods, lines }: DayAheadAuction, clearing: Clearing): string[] => {
  const known = new Set(steps.map(({ orderId }) => orderId))
  const strangers = clearing.awards.filter(({ orderId }) => !known.has(orderId)).map(({ orderId }) => orderId)
  const counts = [
    ['markets', clearing.markets.length, areas.length * periods],
    ['blocks', clearing.blocks.length, blocks.length],
    ['flows', clearing.flows.length, lines.length],
    ['different awards', new Set(clearing.awards.map(({ orderId }) => orderId)).size, clearing.awards.length],
  ] as const
  return [
    ...strangers.map(orderId => `award of ${orderId}, which did not bid`),
    ...counts.flatMap(([what, there, due]) => (there === due ? [] : `${there} ${what} instead of ${due}`)),
  ]
}

const faultsOfSteps = ({ steps }: DayAheadAuction, { priceAt, awarded }: View): string[] =>
  steps.flatMap(({ orderId, area, period, side, priceTicks, lots }) => {
    const got = awarded.get(orderId) ?? 0
    const price = priceAt(area, period)
    if (!Number.isInteger(got) || got < 0 || got > lots) return `${orderId} got ${got} of ${lots} lots`
    if (price === null) return got === 0 ? [] : `${orderId} got lots where there is no price`
    const margin = side === 'buy' ? priceTicks - price : price - priceTicks
    if (margin > 0 && got < lots) return `${orderId} is in the money and got ${got} of ${lots} lots`
    return margin < 0 && got > 0 ? `${orderId} is out of the money and got ${got} lots` : []
  })

/** At the price each side is cut in proportion: nobody is a lot or more away from the share. */
const faultsOfMargins = ({ steps }: DayAheadAuction, { priceAt, awarded }: View): string[] => {
  const marginal = steps.filter(({ area, period, priceTicks }) => priceAt(area, period) === priceTicks)
  return [...Map.groupBy(marginal, ({ area, period, side }) => `${key(area, period)} ${side}`)].flatMap(
    ([name, orders]) => {
      const wanted = orders.reduce((sum, { lots }) => sum + lots, 0)
      const given = orders.reduce((sum, { orderId }) => sum + (awarded.get(orderId) ?? 0), 0)
      const isFair = orders.every(({ orderId, lots }) => {
        const difference = BigInt(awarded.get(orderId) ?? 0) * BigInt(wanted) - BigInt(lots) * BigInt(given)
        return difference < BigInt(wanted) && -difference < BigInt(wanted)
      })
      return isFair ? [] : `${name}: the margin is not shared in proportion`
    },
  )
}

const faultsOfFlows = ({ lines }: DayAheadAuction, { flows, priceAt }: View): string[] =>
  lines.flatMap(({ from, to, period, leastLots, mostLots }, i) => {
    const flow = flows[i] ?? 0
    const name = `${from}-${to} ${period}`
    if (!Number.isInteger(flow) || flow < leastLots || flow > mostLots) return `${name} carries ${flow}`
    const [source, sink] = [priceAt(from, period), priceAt(to, period)]
    if (source === null || sink === null) return flow === 0 ? [] : `${name} carries ${flow} without a price`
    if (flow < mostLots && sink > source) return `${name} has room towards the dearer ${to}`
    return flow > leastLots && source > sink ? `${name} has room towards the dearer ${from}` : []
  })

const surplusOf = (block: BlockOrder, priceAt: View['priceAt']): number =>
  block.profile.reduce((sum, { area, period, lots }) => {
    const margin = (priceAt(area, period) ?? block.priceTicks) - block.priceTicks
    return sum + lots * (block.side === 'sell' ? margin : -margin)
  }, 0)

const faultsOfBlocks = ({ blocks }: DayAheadAuction, view: View): string[] => {
  const ratioOf = (blockId: string): number => {
    const result = view.blocks.get(blockId)
    return result === undefined ? 0 : result.takenParts / result.parts
  }
  const groups = Map.groupBy(
    blocks.filter(({ blockId, exclusiveGroup }) => exclusiveGroup !== null && ratioOf(blockId) > 0),
    ({ exclusiveGroup }) => exclusiveGroup,
  )
  return [
    ...blocks.flatMap(block => faultsOfBlock(block, view, ratioOf)),
    ...[...groups].flatMap(([group, taken]) => (taken.length > 1 ? `${taken.length} of group ${group} are taken` : [])),
  ]
}

const faultsOfBlock = (block: BlockOrder, view: View, ratioOf: (blockId: string) => number): string[] => {
  const { blockId, parentId, profile, minimumAcceptanceBasisPoints } = block
  const result = view.blocks.get(blockId)
  if (result === undefined) return [`${blockId} is not decided`]
  const faults: string[] = []
  const { takenParts, parts, decision } = result
  const isWhole = (lots: number): boolean => Number.isInteger(lots)
  if (
    !isWhole(takenParts) ||
    takenParts < 0 ||
    takenParts > parts ||
    !profile.every(({ lots }) => isWhole(lots / parts))
  )
    faults.push(`${blockId} is taken in ${takenParts} of ${parts} parts`)
  if (takenParts > 0 && takenParts * fullAcceptanceBasisPoints < parts * minimumAcceptanceBasisPoints)
    faults.push(`${blockId} is taken in less than its minimum`)
  if (parentId !== null && ratioOf(blockId) > ratioOf(parentId))
    faults.push(`${blockId} is taken in more than its parent`)
  const surplus = surplusOf(block, view.priceAt)
  if (takenParts > 0 && surplus < 0) faults.push(`${blockId} is paradoxically accepted`)
  const due =
    takenParts === parts
      ? 'accepted'
      : takenParts > 0
        ? 'partially-accepted'
        : surplus > 0
          ? 'paradoxically-rejected'
          : 'rejected'
  if (decision !== due) faults.push(`${blockId} is called ${decision} and is ${due}`)
  const hasPrices = profile.every(({ area, period }) => view.priceAt(area, period) !== null)
  if (takenParts > 0 && !hasPrices) faults.push(`${blockId} is taken where there is no price`)
  return faults
}

const faultsOfBalance = (auction: DayAheadAuction, clearing: Clearing, view: View): string[] => {
  const bought = new Map<string, number>()
  const sold = new Map<string, number>()
  const net = new Map<string, number>()
  const add = (to: Map<string, number>, at: string, lots: number): unknown => to.set(at, (to.get(at) ?? 0) + lots)
  for (const { orderId, area, period, side } of auction.steps)
    add(side === 'buy' ? bought : sold, key(area, period), view.awarded.get(orderId) ?? 0)
  for (const { blockId, profile, side } of auction.blocks) {
    const { takenParts = 0, parts = 1 } = view.blocks.get(blockId) ?? {}
    for (const { area, period, lots } of profile)
      add(side === 'buy' ? bought : sold, key(area, period), (lots / parts) * takenParts)
  }
  for (const { area, period, lots } of auction.injections) add(net, key(area, period), lots)
  auction.lines.forEach(({ from, to, period }, i) => {
    add(net, key(from, period), -(view.flows[i] ?? 0))
    add(net, key(to, period), view.flows[i] ?? 0)
  })
  return clearing.markets.flatMap(({ area, period, boughtLots, soldLots }) => {
    const at = key(area, period)
    if (boughtLots !== (bought.get(at) ?? 0) || soldLots !== (sold.get(at) ?? 0))
      return `${at}: volumes are not those of the orders`
    return soldLots + (net.get(at) ?? 0) === boughtLots ? [] : `${at}: ${soldLots} sold, ${boughtLots} bought`
  })
}

const faultsOfCertificate = (auction: DayAheadAuction, { certificate }: Clearing, view: View): string[] => {
  let welfare = 0
  for (const { orderId, side, priceTicks } of auction.steps)
    welfare += (side === 'buy' ? 1 : -1) * priceTicks * (view.awarded.get(orderId) ?? 0)
  for (const { blockId, side, priceTicks, profile } of auction.blocks) {
    const { takenParts = 0, parts = 1 } = view.blocks.get(blockId) ?? {}
    for (const { lots } of profile) welfare += (side === 'buy' ? 1 : -1) * priceTicks * (lots / parts) * takenParts
  }
  const faults: string[] = []
  if (welfare !== certificate.welfare) faults.push(`welfare is ${welfare}, not ${certificate.welfare}`)
  const areas = auction.areas.toSorted((a, b) => (a < b ? -1 : 1))
  const witness = welfareBound(
    auction,
    (area, period) => certificate.witnessPriceTicks[period * areas.length + areas.indexOf(area)] ?? undefined,
  )
  if (witness !== certificate.witnessBound)
    faults.push(`the witness proves ${witness}, not ${certificate.witnessBound}`)
  if (certificate.bound > certificate.witnessBound) faults.push('the bound is above what its witness proves')
  if (certificate.bound < welfare) faults.push('the bound is below the welfare')
  const gap = certificate.bound === welfare ? 0 : ((certificate.bound - welfare) / Math.abs(welfare)) * 1e6
  if (Math.abs(gap - certificate.gapPartsPerMillion) > 1e-6 * Math.max(1, gap)) faults.push(`the gap is ${gap} ppm`)
  return faults
}
