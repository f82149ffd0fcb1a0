import type { BlockLots, BlockOrder, DayAheadAuction, StepOrder } from '#domain/auction/day-ahead-auction.ts'
import { randomOf } from './random.ts'

/** What a generated day looks like; the same seed gives the same day on every machine. */
export interface InstanceShape {
  readonly seed: number
  readonly areas: number
  readonly periods: number
  readonly steps: number
  readonly blocks: number
}

/**
 * A day of compute markets: each area with a level of its own from 1 to 6 dollars in ticks of a tenth of a cent, demand
 * with the shape of a day, supply that rises with its price; steps in no order. Blocks are jobs and machines of 3 to 24
 * hours priced within a tenth of the day's level, so that many are close to the money; a third may be taken in part, a
 * tenth hang on another one, and a tenth are in groups of two or three of which each is in another area: substitutes.
 */
export const auctionInstance = ({ seed, areas, periods, steps, blocks }: InstanceShape): DayAheadAuction => {
  const uniform = randomOf(seed)
  const whole = (low: number, high: number): number => low + Math.floor(uniform() * (high - low + 1))
  const names = Array.from({ length: areas }, (_, i) => `area-${String(i).padStart(3, '0')}`)
  const levels = names.map(() => whole(1_000, 6_000))
  const shape = (period: number): number => 1 + 0.25 * Math.sin((2 * Math.PI * (period - periods / 3)) / periods)
  const within = (ticks: number): number => Math.min(mostPriceTicks, Math.max(1, Math.round(ticks)))
  const stepOrders = Array.from({ length: steps }, (_, i): StepOrder => {
    const at = whole(0, areas - 1)
    const period = whole(0, periods - 1)
    const isBid = uniform() < 0.5
    const level = (levels[at] ?? 0) * shape(period)
    return {
      orderId: `s${i}`,
      area: names[at] ?? '',
      period,
      side: isBid ? 'buy' : 'sell',
      priceTicks: within(level * (isBid ? 0.6 + 0.9 * uniform() : 0.5 + 0.9 * uniform())),
      lots: whole(1, 100),
    }
  })
  const blockOrders: BlockOrder[] = []
  const block = (at: number, more: Partial<BlockOrder>): void => {
    const length = whole(Math.min(3, periods), periods)
    const first = whole(0, periods - length)
    const lots = whole(5, 60)
    const profile = Array.from({ length }, (_, i): BlockLots => ({ area: names[at] ?? '', period: first + i, lots }))
    const level = profile.reduce((sum, { period }) => sum + (levels[at] ?? 0) * shape(period), 0) / length
    blockOrders.push({
      blockId: `b${String(blockOrders.length).padStart(5, '0')}`,
      side: uniform() < 0.5 ? 'buy' : 'sell',
      priceTicks: within(level * (0.9 + 0.2 * uniform())),
      profile,
      minimumAcceptanceBasisPoints: uniform() < 2 / 3 ? 10_000 : 100 * whole(10, 90),
      parentId: null,
      exclusiveGroup: null,
      ...more,
    })
  }
  while (blockOrders.length < blocks) {
    const at = whole(0, areas - 1)
    const left = blocks - blockOrders.length
    const kind = uniform()
    if (kind < 0.05 && left >= 3) {
      const group = { exclusiveGroup: `g${blockOrders.length}` }
      for (let member = 0, members = whole(2, 3); member < members; member += 1) block((at + member) % areas, group)
    } else if (kind < 0.15 && left >= 2) {
      block(at, {})
      block(at, { parentId: blockOrders.at(-1)?.blockId ?? null })
    } else block(at, {})
  }
  return {
    areas: names,
    periods,
    leastPriceTicks: 0,
    mostPriceTicks,
    steps: stepOrders,
    blocks: blockOrders,
    lines: [],
    injections: [],
  }
}

const mostPriceTicks = 20_000
