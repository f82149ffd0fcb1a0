import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Depth, uncrossPrice } from '#domain/trading/uncross.ts'

/** Depth as [price, lots]. */
const depth = (...levels: readonly (readonly [number, number])[]): Depth[] =>
  levels.map(([ticks, lots]) => ({ ticks, lots }))

describe('the price of an auction', () => {
  test.each<[string, Depth[], Depth[], number, ReturnType<typeof uncrossPrice>]>([
    ['is none where nothing crosses', depth([9, 5]), depth([10, 5]), 9, undefined],
    ['is none on one side alone', depth([9, 5]), [], 9, undefined],
    ['is that at which most trades', depth([12, 5], [11, 5]), depth([10, 7], [11, 3]), 0, { ticks: 11, lots: 10 }],
    ['leaves least over', depth([12, 5], [10, 4]), depth([9, 5]), 0, { ticks: 12, lots: 5 }],
    ['is the one nearest to the reference', depth([14, 5]), depth([8, 5]), 13, { ticks: 13, lots: 5 }],
    ['is within what both would take', depth([14, 5]), depth([8, 5]), 90, { ticks: 14, lots: 5 }],
    ['is the lowest without a reference', depth([14, 5]), depth([8, 5]), 0, { ticks: 8, lots: 5 }],
  ])('%s', (_, bids, asks, reference, expected) => {
    expect(uncrossPrice(bids, asks, reference)).toEqual(bruteForce(bids, asks, reference))
    expect(uncrossPrice(bids, asks, reference)).toEqual(expected)
  })

  test('is what going through all prices finds', () => {
    const side = fc.uniqueArray(
      fc.record({ ticks: fc.integer({ min: 1, max: 12 }), lots: fc.integer({ min: 1, max: 6 }) }),
      { selector: ({ ticks }) => ticks, maxLength: 7 },
    )
    fc.assert(
      fc.property(side, side, fc.integer({ min: 0, max: 13 }), (bids, asks, reference) => {
        expect(uncrossPrice(bids, asks, reference)).toEqual(bruteForce(bids, asks, reference))
      }),
      { numRuns: 3_000 },
    )
  })

  test('trades as much as any price at all would, also those that nobody names', () => {
    const side = fc.uniqueArray(
      fc.record({ ticks: fc.integer({ min: 1, max: 30 }), lots: fc.integer({ min: 1, max: 9 }) }),
      { selector: ({ ticks }) => ticks, maxLength: 6 },
    )
    fc.assert(
      fc.property(side, side, (bids, asks) => {
        const most = Math.max(...Array.from({ length: 31 }, (_, ticks) => tradedAt(bids, asks, ticks).lots))
        expect(uncrossPrice(bids, asks, 0)?.lots ?? 0).toBe(most)
      }),
    )
  })
})

const tradedAt = (bids: readonly Depth[], asks: readonly Depth[], ticks: number) => {
  const demand = bids.reduce((sum, bid) => (bid.ticks >= ticks ? sum + bid.lots : sum), 0)
  const supply = asks.reduce((sum, ask) => (ask.ticks <= ticks ? sum + ask.lots : sum), 0)
  return { lots: Math.min(demand, supply), left: Math.abs(demand - supply) }
}

const bruteForce = (bids: readonly Depth[], asks: readonly Depth[], reference: number) => {
  const prices = [...bids, ...asks].map(({ ticks }) => ticks).concat(reference === 0 ? [] : [reference])
  const found = prices.map(ticks => ({ ticks, ...tradedAt(bids, asks, ticks) })).filter(({ lots }) => lots > 0)
  const most = Math.max(...found.map(({ lots }) => lots))
  const largest = found.filter(({ lots }) => lots === most)
  const least = Math.min(...largest.map(({ left }) => left))
  const balanced = largest.filter(({ left }) => left === least)
  const distance = (ticks: number): number => (reference === 0 ? 0 : Math.abs(ticks - reference))
  const nearest = Math.min(...balanced.map(({ ticks }) => distance(ticks)))
  const ticks = Math.min(...balanced.filter(each => distance(each.ticks) === nearest).map(each => each.ticks))
  return found.length === 0 ? undefined : { ticks, lots: most }
}
