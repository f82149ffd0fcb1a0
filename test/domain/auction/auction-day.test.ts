import { beforeAll, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { loadSolver } from '#adapters/highs.ts'
import { type AuctionDay, clearDay, type PlacedBid, pairLots } from '#domain/auction/auction-day.ts'
import type { BidBlock } from '#domain/auction/bids.ts'
import {
  type DayAheadMarket,
  datesToOpen,
  deliveryDayMillis,
  hourlySpecification,
} from '#domain/auction/day-ahead-market.ts'
import type { SolveProgramme } from '#domain/integer-programme.ts'
import { defineInstrument } from '#domain/reference/instrument.ts'

let solve: SolveProgramme
beforeAll(async () => {
  solve = await loadSolver()
})

const market = (name: string, maxPrice = '10'): DayAheadMarket => ({
  market: name,
  tickSize: '0.01',
  minTradeAmount: '1',
  maxPrice,
  makerCommissionPpm: 0,
  takerCommissionPpm: 0,
  penaltyPpm: 100_000,
  expiresBeforeMillis: 900_000,
})
const markets = [market('H100.USE'), market('H100.EUW'), market('VCPU.USE', '3')]

const cleared = (bids: readonly PlacedBid[]): AuctionDay => {
  const answer = clearDay(markets, bids, { solve })
  if (!answer.isCleared) throw new Error(`${answer.code} ${answer.at}`)
  return answer.day
}

const curveBid = (
  accountId: number,
  side: 'buy' | 'sell',
  steps: readonly (readonly [number, number])[],
  hour = 5,
  name = 'x',
): PlacedBid => ({
  accountId,
  name,
  bid: {
    side,
    curves: [{ market: 'H100.USE', hour, steps: steps.map(([priceTicks, lots]) => ({ priceTicks, lots })) }],
    blocks: [],
  },
})

describe('a day', () => {
  test('a price, awards from seller to buyer, and what each bid has won', () => {
    const day = cleared([
      curveBid(1, 'buy', [[300, 10]]),
      curveBid(2, 'sell', [
        [200, 6],
        [250, 6],
      ]),
    ])
    expect(day.hours.find(({ hour, market: of }) => hour === 5 && of === 'H100.USE')).toEqual({
      market: 'H100.USE',
      hour: 5,
      priceTicks: 250,
      boughtLots: 10,
      soldLots: 10,
      awardedLots: 10,
    })
    expect(day.hours).toHaveLength(72)
    expect(day.awards).toEqual([
      { market: 'H100.USE', hour: 5, priceTicks: 250, lots: 10, buyAccountId: 1, sellAccountId: 2 },
    ])
    expect(day.accounts.map(({ awards }) => awards.map(({ lots, side }) => [side, lots]))).toEqual([
      [['buy', 10]],
      [['sell', 10]],
    ])
    expect(day.pools.map(({ markets: of, stepOrders }) => [of, stepOrders])).toEqual([
      [['H100.EUW', 'H100.USE'], 3],
      [['VCPU.USE'], 0],
    ])
  })

  test('nobody is awarded what they have sold themselves', () => {
    const day = cleared([
      curveBid(1, 'buy', [[300, 10]], 5, 'b'),
      curveBid(1, 'sell', [[200, 4]], 5, 's'),
      curveBid(2, 'sell', [[200, 6]]),
    ])
    expect(day.awards).toMatchObject([{ lots: 6, buyAccountId: 1, sellAccountId: 2 }])
    expect(day.hours.find(({ awardedLots }) => awardedLots > 0)).toMatchObject({ boughtLots: 10, awardedLots: 6 })
  })

  test('without bids there are neither prices nor awards', () => {
    const day = cleared([])
    expect([day.awards, day.accounts, new Set(day.hours.map(({ priceTicks }) => priceTicks))]).toEqual([
      [],
      [],
      new Set([null]),
    ])
  })

  test('substitutes in two regions: one of them is taken', () => {
    const block = (name: string, of: string): BidBlock => ({
      block: name,
      market: of,
      priceTicks: 300,
      hours: [5, 6].map(hour => ({ hour, lots: 4 })),
      minimumAcceptanceBasisPoints: 10_000,
      parent: null,
      exclusiveGroup: 'either',
    })
    const offers = ['H100.USE', 'H100.EUW'].map(
      (of, at): PlacedBid => ({
        accountId: 2,
        name: of,
        bid: {
          side: 'sell',
          curves: [5, 6].map(hour => ({ market: of, hour, steps: [{ priceTicks: 200 + 10 * at, lots: 4 }] })),
          blocks: [],
        },
      }),
    )
    const buyer: PlacedBid = {
      accountId: 1,
      name: 'x',
      bid: { side: 'buy', curves: [], blocks: [block('west', 'H100.EUW'), block('east', 'H100.USE')] },
    }
    const day = cleared([buyer, ...offers])
    expect(day.accounts[0]?.blocks.map(({ block: name, takenParts }) => [name, takenParts])).toEqual([
      ['east', 1],
      ['west', 0],
    ])
    expect(day.awards.map(({ market: of, hour, lots }) => [of, hour, lots])).toEqual([
      ['H100.USE', 5, 4],
      ['H100.USE', 6, 4],
    ])
  })

  test('whatever the order in which bids arrived, the same to the letter', () => {
    const bids = fc.array(
      fc.record({
        accountId: fc.integer({ min: 1, max: 4 }),
        side: fc.constantFrom('buy' as const, 'sell' as const),
        price: fc.integer({ min: 1, max: 12 }),
        lots: fc.integer({ min: 1, max: 9 }),
        hour: fc.integer({ min: 4, max: 6 }),
        isBlock: fc.boolean(),
      }),
      { minLength: 2, maxLength: 14 },
    )
    fc.assert(
      fc.property(bids, fc.integer(), (drawn, seed) => {
        const placed = drawn.map(({ accountId, side, price, lots, hour, isBlock }, at): PlacedBid => {
          const name = `n${at}`
          if (!isBlock) return curveBid(accountId, side, [[price * 50, lots]], hour, name)
          const hours = [hour, hour + 1].map(each => ({ hour: each, lots }))
          const block: BidBlock = {
            block: 'b',
            market: 'H100.USE',
            priceTicks: price * 50,
            hours,
            minimumAcceptanceBasisPoints: at % 2 === 0 ? 10_000 : 3_000,
            parent: null,
            exclusiveGroup: null,
          }
          return { accountId, name, bid: { side, curves: [], blocks: [block] } }
        })
        const shuffled = placed.toSorted((a, b) => hashOf(a.name, seed) - hashOf(b.name, seed))
        const day = cleared(placed)
        expect(JSON.stringify(cleared(shuffled))).toBe(JSON.stringify(day))
        // What is awarded is what was won, account by account and hour by hour, and nothing is left over.
        const net = new Map<string, number>()
        const add = (key: string, lots: number) => net.set(key, (net.get(key) ?? 0) + lots)
        for (const { accountId, awards } of day.accounts)
          for (const { hour, side, lots } of awards) add(`${accountId} ${hour}`, side === 'buy' ? lots : -lots)
        for (const { hour, lots, buyAccountId, sellAccountId } of day.awards) {
          expect(buyAccountId).not.toBe(sellAccountId)
          add(`${buyAccountId} ${hour}`, -lots)
          add(`${sellAccountId} ${hour}`, lots)
        }
        expect([...net.values()].filter(lots => lots !== 0)).toEqual([])
      }),
      { numRuns: 60 },
    )
  })
})

const hashOf = (text: string, seed: number): number => {
  let hash = seed | 0
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  return hash
}

describe('pairing', () => {
  test('each is served in full before the next, by account number', () => {
    const accounts = [
      { accountId: 3, lots: -5 },
      { accountId: 1, lots: 4 },
      { accountId: 9, lots: -3 },
      { accountId: 2, lots: 4 },
      { accountId: 7, lots: 0 },
    ]
    const pairs = [
      { buyAccountId: 1, sellAccountId: 3, lots: 4 },
      { buyAccountId: 2, sellAccountId: 3, lots: 1 },
      { buyAccountId: 2, sellAccountId: 9, lots: 3 },
    ]
    expect(pairLots(accounts)).toEqual(pairs)
    expect(pairLots(accounts.toReversed())).toEqual(pairs)
  })

  test('what does not balance is not paired', () => {
    expect(() => pairLots([{ accountId: 1, lots: 4 }])).toThrow('what is bought is not what is sold')
  })
})

describe('gates and hours', () => {
  const times = { opensBeforeMillis: 3 * 86_400_000, closesBeforeMillis: 43_200_000 }

  test('a gate is open from its opening to its closing', () => {
    expect(datesToOpen(Date.parse('2026-11-23T11:59:59.999Z'), times)).toEqual([
      '2026-11-24',
      '2026-11-25',
      '2026-11-26',
    ])
    expect(datesToOpen(Date.parse('2026-11-23T12:00:00.000Z'), times)).toEqual(['2026-11-25', '2026-11-26'])
  })

  test('a delivery date is one of the calendar', () => {
    expect(['2026-02-29', '2028-02-29', '2026-13-01', '26-01-01'].map(deliveryDayMillis)).toEqual([
      undefined,
      Date.parse('2028-02-29'),
      undefined,
      undefined,
    ])
  })

  test('an hour is a future that is delivered in it, and ends before', () => {
    const specification = hourlySpecification(markets[0] ?? market('X'), '2026-11-25', 5)
    expect(specification).toMatchObject({
      instrumentName: 'H100.USE-25NOV26-H05',
      settlement: 'physical',
      expirationMillis: Date.parse('2026-11-25T04:45:00Z'),
    })
    expect(JSON.parse(specification.terms)).toMatchObject({
      index: 'H100.USE',
      delivery: { start: '2026-11-25T05:00:00.000Z', end: '2026-11-25T06:00:00.000Z', penalty_ppm: 100_000 },
    })
    expect(defineInstrument(specification, 1, 1).accepted).toBe(true)
  })
})
