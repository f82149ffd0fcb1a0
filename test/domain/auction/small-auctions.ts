import type { BlockOrder, DayAheadAuction, Side } from '#domain/auction/day-ahead-auction.ts'

/** The same on every machine: a small auction by seed, thin enough that blocks decide its prices. */
export const smallAuction = (seed: number): DayAheadAuction => {
  let state = Math.imul(seed + 1, 2_654_435_761) >>> 0
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  const whole = (low: number, high: number): number => low + Math.floor(uniform() * (high - low + 1))
  const side = (): Side => (uniform() < 0.5 ? 'buy' : 'sell')
  const areas = uniform() < 0.6 ? ['A'] : ['A', 'B']
  const periods = whole(1, 3)
  const mostPriceTicks = 14
  const steps = areas.flatMap(area =>
    Array.from({ length: periods }, (_, period) =>
      Array.from({ length: whole(0, 5) }, (_, i) => {
        const bought = side()
        return {
          orderId: `${area}${period}-${i}`,
          area,
          period,
          side: bought,
          priceTicks: bought === 'buy' ? whole(4, mostPriceTicks) : whole(0, 10),
          lots: whole(1, 6),
        }
      }),
    ).flat(),
  )
  const count = whole(1, 5)
  const isGrouped = uniform() < 0.3 && count > 2
  const blocks = Array.from({ length: count }, (_, b): BlockOrder => {
    const first = whole(0, periods - 1)
    const last = whole(first, periods - 1)
    const isFlat = uniform() < 0.6
    const flat = whole(1, 5)
    const own = areas[whole(0, areas.length - 1)] ?? 'A'
    const isBoth = areas.length > 1 && uniform() < 0.2
    const direction = side()
    const inGroup = isGrouped && b < 2
    return {
      blockId: `block-${b}`,
      side: direction,
      priceTicks: direction === 'sell' ? whole(1, 10) : whole(4, 13),
      profile: Array.from({ length: last - first + 1 }, (_, i) =>
        (isBoth ? areas : [own]).map(area => ({ area, period: first + i, lots: isFlat ? flat : whole(1, 5) })),
      ).flat(),
      minimumAcceptanceBasisPoints: uniform() < 0.5 ? 10_000 : whole(1, 9_999),
      parentId: !inGroup && b > 0 && uniform() < 0.25 ? `block-${whole(0, b - 1)}` : null,
      exclusiveGroup: inGroup ? 'group' : null,
    }
  })
  const lines =
    areas.length === 1
      ? []
      : Array.from({ length: periods }, (_, period) => period).flatMap(period =>
          uniform() < 0.7 ? [{ from: 'A', to: 'B', period, leastLots: -whole(0, 4), mostLots: whole(0, 4) }] : [],
        )
  return { areas, periods, leastPriceTicks: 0, mostPriceTicks, steps, blocks, lines, injections: [] }
}
