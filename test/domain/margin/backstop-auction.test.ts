import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { awardLots, type BackstopBid } from '#domain/margin/backstop-auction.ts'

const bid = (accountId: number, priceTicks: number, lots: number): BackstopBid => ({ accountId, priceTicks, lots })

describe('a backstop auction', () => {
  test('gives long lots to the highest prices, short ones to the lowest, each at its own', () => {
    const bids = [bid(1, 90, 5), bid(2, 95, 4), bid(3, 92, 10)]
    expect(awardLots(12, 80, bids)).toEqual([bid(2, 95, 4), bid(3, 92, 8)])
    expect(awardLots(-12, 100, bids)).toEqual([bid(1, 90, 5), bid(3, 92, 7)])
  })

  test('shares the last price by largest remainder, ties to the lower account', () => {
    // 7 of 12: 1.75, 2.33 and 2.92.
    expect(awardLots(7, 0, [bid(9, 90, 3), bid(4, 90, 4), bid(2, 90, 5)])).toEqual([
      bid(2, 90, 3),
      bid(4, 90, 2),
      bid(9, 90, 2),
    ])
    expect(awardLots(1, 0, [bid(9, 90, 3), bid(4, 90, 3)])).toEqual([bid(4, 90, 1)])
  })

  test('leaves what nobody bids for, and bids beyond the reserve', () => {
    expect(awardLots(5, 91, [bid(1, 90, 5), bid(2, 91, 2)])).toEqual([bid(2, 91, 2)])
    expect(awardLots(-5, 91, [bid(1, 92, 5)])).toEqual([])
    expect(awardLots(5, 0, [])).toEqual([])
  })

  test('awards no more than is offered or bid, leaves nothing that was bid for, and nobody pays more than a better bidder got', () => {
    const bids = fc.uniqueArray(
      fc.record({
        accountId: fc.integer({ min: 1, max: 50 }),
        priceTicks: fc.integer({ min: 1, max: 5 }),
        lots: fc.integer({ min: 1, max: 2_000_000_000 }),
      }),
      { selector: ({ accountId }) => accountId, maxLength: 12 },
    )
    const lots = fc.integer({ min: 1, max: 4_000_000_000 })
    fc.assert(
      fc.property(bids, lots, fc.boolean(), fc.integer({ min: 1, max: 5 }), (given, size, isLong, reserve) => {
        const awards = awardLots(isLong ? size : -size, reserve, given)
        const admissible = given.filter(({ priceTicks }) => (isLong ? priceTicks >= reserve : priceTicks <= reserve))
        const sum = (all: readonly BackstopBid[]) => all.reduce((total, each) => total + each.lots, 0)
        expect(sum(awards)).toBe(Math.min(size, sum(admissible)))
        const awarded = new Map(awards.map(each => [each.accountId, each]))
        for (const each of admissible) {
          const own = awarded.get(each.accountId)
          if (own !== undefined)
            expect([own.priceTicks, own.lots <= each.lots, own.lots > 0]).toEqual([each.priceTicks, true, true])
          if ((own?.lots ?? 0) < each.lots)
            for (const { priceTicks } of awards)
              expect(isLong ? priceTicks >= each.priceTicks : priceTicks <= each.priceTicks).toBe(true)
        }
      }),
    )
  })
})
