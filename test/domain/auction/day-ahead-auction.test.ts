import { describe, expect, test } from '@jest/globals'
import { auctionProblem, type BlockOrder, type DayAheadAuction } from '#domain/auction/day-ahead-auction.ts'

const step = { orderId: 's', area: 'A', period: 0, side: 'buy', priceTicks: 5, lots: 1 } as const
const block: BlockOrder = {
  blockId: 'x',
  side: 'sell',
  priceTicks: 5,
  profile: [{ area: 'A', period: 0, lots: 2 }],
  minimumAcceptanceBasisPoints: 10_000,
  parentId: null,
  exclusiveGroup: null,
}
const line = { from: 'A', to: 'B', period: 0, leastLots: -1, mostLots: 1 }
const auction: DayAheadAuction = {
  areas: ['A', 'B'],
  periods: 2,
  leastPriceTicks: 0,
  mostPriceTicks: 100,
  steps: [step],
  blocks: [block],
  lines: [line],
  injections: [{ area: 'A', period: 1, lots: -3 }],
}
const blocks = (...changes: readonly Partial<BlockOrder>[]): Partial<DayAheadAuction> => ({
  blocks: changes.map((change, i) => ({ ...block, blockId: `x${i}`, ...change })),
})

describe('what can be cleared', () => {
  test('a whole auction can', () => {
    expect(auctionProblem(auction)).toBeUndefined()
  })

  test.each<[string, string, Partial<DayAheadAuction>]>([
    ['duplicate-area', 'A', { areas: ['A', 'A'] }],
    ['unknown-period', '0', { periods: 0 }],
    ['price-out-of-range', '5…1', { leastPriceTicks: 5, mostPriceTicks: 1 }],
    ['unknown-area', 's', { steps: [{ ...step, area: 'C' }] }],
    ['unknown-period', 's', { steps: [{ ...step, period: 2 }] }],
    ['price-out-of-range', 's', { steps: [{ ...step, priceTicks: 101 }] }],
    ['price-out-of-range', 's', { steps: [{ ...step, priceTicks: 0.5 }] }],
    ['lots-out-of-range', 's', { steps: [{ ...step, lots: 0 }] }],
    ['lots-out-of-range', 's', { steps: [{ ...step, lots: 1.5 }] }],
    ['duplicate-order', 's', { steps: [step, step] }],
    ['duplicate-order', 'x', { blocks: [block, block] }],
    ['empty-block', 'x0', blocks({ profile: [] })],
    ['price-out-of-range', 'x0', blocks({ priceTicks: -1 })],
    ['ratio-out-of-range', 'x0', blocks({ minimumAcceptanceBasisPoints: 0 })],
    ['unknown-area', 'x0', blocks({ profile: [{ area: 'C', period: 0, lots: 1 }] })],
    ['unknown-period', 'x0', blocks({ profile: [{ area: 'A', period: -1, lots: 1 }] })],
    ['lots-out-of-range', 'x0', blocks({ profile: [{ area: 'A', period: 0, lots: -1 }] })],
    ['duplicate-period', 'x0', blocks({ profile: [...block.profile, ...block.profile] })],
    ['unknown-parent', 'x0', blocks({ parentId: 'y' })],
    ['cyclic-parents', 'x0', blocks({ parentId: 'x1' }, { parentId: 'x0' })],
    ['cyclic-parents', 'x0', blocks({ parentId: 'x0' })],
    ['group-of-one', 'x0', blocks({ exclusiveGroup: 'g' })],
    ['grouped-child', 'x1', blocks({ exclusiveGroup: 'g' }, { exclusiveGroup: 'g', parentId: 'x0' })],
    ['unknown-area', 'A-A 0', { lines: [{ ...line, to: 'A' }] }],
    ['unknown-period', 'A-B 9', { lines: [{ ...line, period: 9 }] }],
    ['crossed-line', 'A-B 0', { lines: [{ ...line, leastLots: 2 }] }],
    ['lots-out-of-range', 'A-B 0', { lines: [{ ...line, mostLots: Infinity }] }],
    ['unknown-area', 'C', { injections: [{ area: 'C', period: 0, lots: 1 }] }],
    ['lots-out-of-range', 'A 0', { injections: [{ area: 'A', period: 0, lots: 0.5 }] }],
    ['too-large', '4503599627370503 lots', { steps: [{ ...step, lots: 2 ** 52 }] }],
  ])('%s at %s', (code, at, change) => {
    expect(auctionProblem({ ...auction, ...change })).toEqual({ code, at })
  })
})
