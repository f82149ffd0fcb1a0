import { describe, expect, test } from '@jest/globals'
import { type AskedBid, readBid } from '#domain/auction/bids.ts'
import type { DayAheadMarket } from '#domain/auction/day-ahead-market.ts'

const market = (name: string, change: Partial<DayAheadMarket> = {}): DayAheadMarket => ({
  market: name,
  tickSize: '0.01',
  minTradeAmount: '1',
  maxPrice: '10',
  makerCommissionPpm: 1_000,
  takerCommissionPpm: 2_000,
  penaltyPpm: 100_000,
  expiresBeforeMillis: 900_000,
  ...change,
})
const markets = [market('H100.USE'), market('H100.EUW'), market('VCPU.USE', { tickSize: '0.001' })]
const block = (change: object = {}): AskedBid['blocks'][number] => ({
  block: 'a',
  market: 'H100.USE',
  price: '2',
  hours: [
    { hour: 0, amount: '3' },
    { hour: 1, amount: '4' },
  ],
  ...change,
})
const asked = (change: Partial<AskedBid> = {}): AskedBid => ({ side: 'buy', curves: [], blocks: [], ...change })
const curve = (change: object = {}): AskedBid['curves'][number] => ({
  market: 'H100.USE',
  hour: 5,
  steps: [{ price: '2.5', amount: '10' }],
  ...change,
})
const codeOf = (bid: AskedBid): readonly [string, string] => {
  const read = readBid(bid, markets)
  return read.ok ? ['ok', ''] : [read.fault.code, read.fault.at]
}
const holdOf = (bid: AskedBid): number => {
  const read = readBid(bid, markets)
  if (!read.ok) throw new Error(read.fault.code)
  return read.holdMicros
}

describe('reading a bid', () => {
  test('turns decimals to ticks and lots', () => {
    expect(
      readBid(asked({ curves: [curve()], blocks: [block({ minimumAcceptanceRatio: '0.5' })] }), markets),
    ).toMatchObject({
      ok: true,
      bid: {
        side: 'buy',
        curves: [{ market: 'H100.USE', hour: 5, steps: [{ priceTicks: 250, lots: 10 }] }],
        blocks: [
          { block: 'a', priceTicks: 200, minimumAcceptanceBasisPoints: 5_000, parent: null, exclusiveGroup: null },
        ],
      },
    })
  })

  test.each<readonly [string, string, AskedBid]>([
    ['empty-bid', '', asked()],
    ['empty-bid', '/curves/0/steps', asked({ curves: [curve({ steps: [] })] })],
    ['unknown-day-ahead-market', '/curves/0/market', asked({ curves: [curve({ market: 'A100.USE' })] })],
    ['unknown-hour', '/curves/0/hour', asked({ curves: [curve({ hour: 24 })] })],
    ['unknown-hour', '/curves/0/hour', asked({ curves: [curve({ hour: -1 })] })],
    ['unknown-hour', '/blocks/0/hours/0/hour', asked({ blocks: [block({ hours: [{ hour: 24, amount: '1' }] })] })],
    ['duplicate-hour', '/curves/1/hour', asked({ curves: [curve(), curve()] })],
    [
      'duplicate-hour',
      '/blocks/0/hours/1/hour',
      asked({
        blocks: [
          block({
            hours: [
              { hour: 1, amount: '1' },
              { hour: 1, amount: '1' },
            ],
          }),
        ],
      }),
    ],
    [
      'price-off-tick',
      '/curves/0/steps/0/price',
      asked({ curves: [curve({ steps: [{ price: '2.555', amount: '1' }] })] }),
    ],
    ['price-out-of-range', '/blocks/0/price', asked({ blocks: [block({ price: '10.01' })] })],
    [
      'amount-off-lot',
      '/curves/0/steps/0/amount',
      asked({ curves: [curve({ steps: [{ price: '2', amount: '1.5' }] })] }),
    ],
    [
      'amount-out-of-range',
      '/curves/0/steps/0/amount',
      asked({ curves: [curve({ steps: [{ price: '2', amount: '0' }] })] }),
    ],
    [
      'amount-out-of-range',
      '/blocks/0/hours/0/amount',
      asked({ blocks: [block({ hours: [{ hour: 1, amount: '10000001' }] })] }),
    ],
    ['empty-block', '/blocks/0/hours', asked({ blocks: [block({ hours: [] })] })],
    ['duplicate-block', '/blocks/1/block', asked({ blocks: [block(), block()] })],
    ['unknown-parent', '/blocks/0/parent', asked({ blocks: [block({ parent: 'b' })] })],
    ['cyclic-parents', '/blocks/0/parent', asked({ blocks: [block({ parent: 'a' })] })],
    [
      'cyclic-parents',
      '/blocks/0/parent',
      asked({ blocks: [block({ parent: 'b' }), block({ block: 'b', parent: 'a' })] }),
    ],
    ['group-of-one', '/blocks/0/exclusive_group', asked({ blocks: [block({ exclusiveGroup: 'g' })] })],
    [
      'grouped-child',
      '/blocks/1/parent',
      asked({
        blocks: [
          block({ exclusiveGroup: 'g' }),
          block({ block: 'b', exclusiveGroup: 'g', parent: 'c' }),
          block({ block: 'c' }),
        ],
      }),
    ],
    [
      'blocks-not-joinable',
      '/blocks/0/exclusive_group',
      asked({
        blocks: [block({ exclusiveGroup: 'g' }), block({ block: 'b', exclusiveGroup: 'g', market: 'VCPU.USE' })],
      }),
    ],
    [
      'blocks-not-joinable',
      '/blocks/1/parent',
      asked({ blocks: [block(), block({ block: 'b', parent: 'a', market: 'VCPU.USE' })] }),
    ],
  ])('is refused as %s at %s', (code, at, bid) => {
    expect(codeOf(bid)).toEqual([code, at])
  })

  test('a ratio that the schema does not let pass is our own mistake', () => {
    for (const minimumAcceptanceRatio of ['0', '1.01', '0.00001'])
      expect(() => readBid(asked({ blocks: [block({ minimumAcceptanceRatio })] }), markets)).toThrow(RangeError)
  })

  test('substitutes in two regions are one group', () => {
    const group = [block({ exclusiveGroup: 'g' }), block({ block: 'b', exclusiveGroup: 'g', market: 'H100.EUW' })]
    expect(codeOf(asked({ blocks: group }))).toEqual(['ok', ''])
  })
})

describe('what a bid may need', () => {
  test('a buyer: its limit and the commission on it; a seller: what is above its limit, and the same', () => {
    expect(holdOf(asked({ curves: [curve()] }))).toBe(25_000_000 + 25_000)
    expect(holdOf(asked({ side: 'sell', curves: [curve()] }))).toBe(75_000_000 + 25_000)
    expect(holdOf(asked({ blocks: [block()] }))).toBe(14_000_000 + 14_000)
  })

  test('links add up; of an exclusive group the most counts, with what hangs on it', () => {
    const one = 14_014_000
    const child = block({ block: 'b', parent: 'a' })
    expect(holdOf(asked({ blocks: [block(), child] }))).toBe(2 * one)
    const group = [block({ exclusiveGroup: 'g' }), block({ block: 'c', exclusiveGroup: 'g', price: '1' })]
    expect(holdOf(asked({ blocks: group }))).toBe(one)
    expect(holdOf(asked({ blocks: [...group, child] }))).toBe(2 * one)
    expect(holdOf(asked({ curves: [curve()], blocks: group }))).toBe(25_025_000 + one)
  })
})
