import { describe, expect, test } from '@jest/globals'
import { auctionInstance } from '#bench/auction-instance.ts'
import { type ClearingAnswer, clearAuction } from '#domain/auction/clear-auction.ts'
import type { DayAheadAuction, Side, StepOrder } from '#domain/auction/day-ahead-auction.ts'
import { clearStepMarkets } from '#domain/auction/step-markets.ts'

const market = (
  orders: readonly (readonly [Side, number, number])[],
  more: Partial<DayAheadAuction> = {},
): DayAheadAuction => ({
  areas: ['A'],
  periods: 1,
  leastPriceTicks: -1_000,
  mostPriceTicks: 1_000,
  steps: orders.map(
    ([side, priceTicks, lots], i): StepOrder => ({
      orderId: `o${i}`,
      area: 'A',
      period: 0,
      side,
      priceTicks,
      lots,
    }),
  ),
  blocks: [],
  lines: [],
  injections: [],
  ...more,
})

const outcome = (auction: DayAheadAuction) => {
  const { priceTicks, awards } = clearStepMarkets(auction)
  return { price: priceTicks[0], awards: [...awards] }
}

describe('a market of steps', () => {
  test.each([
    [
      'the middle of last taken and best not taken',
      [
        ['buy', 50, 5],
        ['sell', 20, 5],
      ],
      35,
      [5, 5],
    ],
    [
      'the interval is cut by who was left out',
      [
        ['buy', 50, 5],
        ['sell', 20, 5],
        ['buy', 30, 2],
        ['sell', 44, 2],
      ],
      37,
      [5, 5, 0, 0],
    ],
    [
      'half a tick goes down',
      [
        ['buy', 21, 5],
        ['sell', 20, 5],
      ],
      20,
      [5, 5],
    ],
    [
      'also below zero',
      [
        ['buy', -20, 5],
        ['sell', -21, 5],
      ],
      -21,
      [5, 5],
    ],
    [
      'a step in part sets the price',
      [
        ['buy', 50, 5],
        ['sell', 20, 3],
        ['sell', 30, 9],
      ],
      30,
      [5, 3, 2],
    ],
    [
      'nothing crosses: between best bid and offer',
      [
        ['buy', 10, 5],
        ['sell', 20, 5],
      ],
      15,
      [0, 0],
    ],
    [
      'offers alone',
      [
        ['sell', 20, 5],
        ['sell', 30, 5],
      ],
      20,
      [0, 0],
    ],
    [
      'bids alone',
      [
        ['buy', 20, 5],
        ['buy', 30, 5],
      ],
      30,
      [0, 0],
    ],
    ['no order, no price', [], undefined, []],
    [
      'bids and offers at one price trade as much as they can',
      [
        ['buy', 20, 5],
        ['sell', 20, 3],
      ],
      20,
      [3, 3],
    ],
    [
      'pro rata, the largest remainder first',
      [
        ['buy', 20, 5],
        ['buy', 20, 3],
        ['buy', 20, 2],
        ['sell', 10, 4],
      ],
      20,
      [2, 1, 1, 4],
    ],
    [
      'of equal remainders the lower id',
      [
        ['buy', 20, 3],
        ['buy', 20, 3],
        ['buy', 20, 3],
        ['sell', 10, 5],
      ],
      20,
      [2, 2, 1, 5],
    ],
  ] as const)('%s', (_, orders, price, awards) => {
    expect(outcome(market(orders))).toEqual({ price, awards })
  })

  test('pro rata stays exact where lots multiplied exceed a double', () => {
    const { awards } = outcome(
      market([
        ['buy', 1, 300_000_001],
        ['buy', 1, 600_000_001],
        ['sell', 1, 450_000_001],
      ]),
    )
    expect(awards).toEqual([150_000_001, 300_000_000, 450_000_001])
  })

  test('the same as the whole clearing, and whatever the order', () => {
    const auction = auctionInstance({ seed: 7, areas: 5, periods: 6, steps: 2_000, blocks: 0 })
    const { priceTicks, awards } = clearStepMarkets(auction)
    const answer: ClearingAnswer = clearAuction(auction, {
      solve: () => {
        throw new Error('steps alone ask no solver')
      },
    })
    if (!answer.isCleared) throw new Error(answer.code)
    expect(answer.clearing.markets.map(each => each.priceTicks)).toEqual(priceTicks)
    const awarded = new Map(answer.clearing.awards.map(({ orderId, lots }) => [orderId, lots]))
    expect(auction.steps.map(({ orderId }) => awarded.get(orderId) ?? 0)).toEqual([...awards])
    const reversed = clearStepMarkets({ ...auction, steps: auction.steps.toReversed() })
    expect(reversed.priceTicks).toEqual(priceTicks)
    expect([...reversed.awards].reverse()).toEqual([...awards])
    expect(answer.clearing.certificate).toMatchObject({ gapPartsPerMillion: 0, witnessGapPartsPerMillion: 0 })
  })

  test('prices too far apart to be sorted with their places are sorted all the same', () => {
    const far = { leastPriceTicks: -(2 ** 51), mostPriceTicks: 2 ** 51 }
    const orders = [
      ['buy', 50, 1],
      ['sell', 20, 1],
      ['buy', 40, 1],
      ['sell', 30, 1],
    ] as const
    expect(outcome(market(orders, far))).toEqual(outcome(market(orders)))
  })
})
