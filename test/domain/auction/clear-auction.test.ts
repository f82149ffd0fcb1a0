import { beforeAll, describe, expect, test } from '@jest/globals'
import { loadSolver } from '#adapters/highs.ts'
import { auctionInstance } from '#bench/auction-instance.ts'
import { clearingFaults } from '#domain/auction/certificate-check.ts'
import { type ClearingLimits, clearAuction, defaultLimits } from '#domain/auction/clear-auction.ts'
import type { Clearing } from '#domain/auction/clearing.ts'
import type { BlockOrder, DayAheadAuction, Side, StepOrder } from '#domain/auction/day-ahead-auction.ts'
import type { SolveProgramme } from '#domain/integer-programme.ts'
import { bruteForceWelfare } from './brute-force.ts'
import { smallAuction } from './small-auctions.ts'

let solve: SolveProgramme
beforeAll(async () => {
  solve = await loadSolver()
})

const proof: ClearingLimits = { ...defaultLimits, gapPartsPerMillion: 0 }

const cleared = (auction: DayAheadAuction, limits = proof, by = solve): Clearing => {
  const answer = clearAuction(auction, { solve: by, limits })
  if (!answer.isCleared) throw new Error(`${answer.code} ${answer.at}`)
  return answer.clearing
}

const step = (
  orderId: string,
  side: Side,
  priceTicks: number,
  lots: number,
  more: Partial<StepOrder> = {},
): StepOrder => ({
  orderId,
  side,
  priceTicks,
  lots,
  area: 'A',
  period: 0,
  ...more,
})

const block = (
  blockId: string,
  side: Side,
  priceTicks: number,
  lots: readonly number[],
  more: Partial<BlockOrder> = {},
): BlockOrder => ({
  blockId,
  side,
  priceTicks,
  profile: lots.map((each, period) => ({ area: 'A', period, lots: each })),
  minimumAcceptanceBasisPoints: 10_000,
  parentId: null,
  exclusiveGroup: null,
  ...more,
})

const day = (more: Partial<DayAheadAuction>): DayAheadAuction => ({
  areas: ['A'],
  periods: 1,
  leastPriceTicks: 0,
  mostPriceTicks: 1_000,
  steps: [],
  blocks: [],
  lines: [],
  injections: [],
  ...more,
})

const decisions = ({ blocks }: Clearing) => Object.fromEntries(blocks.map(each => [each.blockId, each.decision]))

/** In an order of its own. */
const shuffled = <Item>(items: readonly Item[], seed: number): readonly Item[] =>
  items
    .map((item, i) => ({ item, rank: Math.imul(i + 1, 2_654_435_761 + 2 * seed) >>> 0 }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item)

describe('a day-ahead auction', () => {
  test('equals trying everything, on 1,000 small markets, and its certificates hold', () => {
    const methods = { welfare: 0, repaired: 0, exact: 0 }
    for (let seed = 0; seed < 1_000; seed += 1) {
      const auction = smallAuction(seed)
      const clearing = cleared(auction)
      const { certificate } = clearing
      expect([seed, certificate.welfare, certificate.bound, clearingFaults(auction, clearing)]).toEqual([
        seed,
        bruteForceWelfare(auction),
        certificate.welfare,
        [],
      ])
      for (const method of ['welfare', 'repaired', 'exact'] as const) methods[method] += certificate.methods[method]
    }
    // The markets are thin enough for all that there is.
    expect(methods.exact).toBeGreaterThan(20)
    expect(methods.welfare).toBeGreaterThan(500)
  })

  test('is the same whatever the order in which bids came', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const auction = smallAuction(seed)
      const first = cleared(auction)
      expect(
        cleared({
          ...auction,
          areas: shuffled(auction.areas, seed),
          steps: shuffled(auction.steps, seed),
          blocks: shuffled(auction.blocks, seed).map(each => ({ ...each, profile: each.profile.toReversed() })),
          lines: auction.lines.toReversed(),
        }),
      ).toEqual(first)
    }
  })

  test('takes no block that would lose, though welfare would be greater', () => {
    // With the block the cheap offer alone is left, in part, and sets a price at which the block loses.
    const auction = day({
      steps: [step('b', 'buy', 100, 11), step('s', 'sell', 10, 3), step('t', 'sell', 90, 5)],
      blocks: [block('all', 'sell', 50, [10])],
    })
    const clearing = cleared(auction)
    expect(decisions(clearing)).toEqual({ all: 'paradoxically-rejected' })
    expect(clearing.certificate.methods).toEqual({ welfare: 0, repaired: 0, exact: 1 })
    expect(clearing.certificate.welfare).toBe(bruteForceWelfare({ ...auction, mostPriceTicks: 100 }))
    expect(clearing.markets).toEqual([{ area: 'A', period: 0, priceTicks: 100, boughtLots: 8, soldLots: 8 }])
  })

  test('moves a price from the middle no farther than a block needs it', () => {
    const auction = day({
      steps: [step('b', 'buy', 100, 5), step('s', 'sell', 10, 2)],
      blocks: [block('x', 'sell', 70, [3])],
    })
    const clearing = cleared(auction)
    expect(decisions(clearing)).toEqual({ x: 'accepted' })
    expect(clearing.markets).toEqual([{ area: 'A', period: 0, priceTicks: 70, boughtLots: 5, soldLots: 5 }])
  })

  test('weighs substitutes in different areas and takes one of them', () => {
    const steps = ['A', 'B'].map(area => step(area, 'sell', area === 'A' ? 30 : 20, 10, { area }))
    const blocks = ['A', 'B'].map(area =>
      block(`job-${area}`, 'buy', 40, [4], { exclusiveGroup: 'job', profile: [{ area, period: 0, lots: 4 }] }),
    )
    const clearing = cleared(day({ areas: ['A', 'B'], steps, blocks }))
    expect(decisions(clearing)).toEqual({ 'job-A': 'paradoxically-rejected', 'job-B': 'accepted' })
  })

  test('takes a child in no greater part than its parent', () => {
    const auction = day({
      steps: [step('s', 'sell', 10, 6)],
      blocks: [
        block('parent', 'buy', 20, [10], { minimumAcceptanceBasisPoints: 1_000 }),
        block('child', 'buy', 50, [2], { minimumAcceptanceBasisPoints: 5_000, parentId: 'parent' }),
      ],
    })
    const clearing = cleared(auction)
    // 5 of 10 and 1 of 2 are worth most: 150 less 60; 2 of 2 would take all 10.
    expect(clearing.blocks.map(({ takenParts, parts }) => [takenParts, parts])).toEqual([
      [1, 2],
      [5, 10],
    ])
    expect(clearing.certificate.welfare).toBe(90)
  })

  test('lets lots flow to where they are worth more, until the line is full', () => {
    const auction = day({
      areas: ['A', 'B'],
      steps: [step('s', 'sell', 10, 20), step('b', 'buy', 40, 8, { area: 'B' }), step('c', 'buy', 20, 4)],
      lines: [{ from: 'A', to: 'B', period: 0, leastLots: -3, mostLots: 5 }],
    })
    const clearing = cleared(auction)
    expect(clearing.flows).toEqual([{ from: 'A', to: 'B', period: 0, lots: 5 }])
    expect(clearing.markets.map(({ priceTicks }) => priceTicks)).toEqual([10, 40])
    expect(clearingFaults(auction, clearing)).toEqual([])
  })

  test('says so where a limit ends the search, and leaves a gap instead of a proof', () => {
    const giveUp: SolveProgramme = programme => ({
      ...solve({ ...programme, mostNodes: 0 }),
      status: 'limit',
      columns: undefined,
      bound: Infinity,
    })
    const auction = smallAuction(3)
    const clearing = cleared(auction, proof, giveUp)
    expect(clearing.certificate.isLimitHit).toBe(true)
    expect(clearing.certificate.welfare).toBe(clearing.certificate.stepsWelfare)
    expect(clearing.certificate.bound).toBe(clearing.certificate.witnessBound)
    expect(clearingFaults(auction, clearing)).toEqual([])
  })

  test('does not believe a solver whose bound was exceeded', () => {
    const modest: SolveProgramme = programme => ({ ...solve(programme), bound: -1e6 })
    const auction = smallAuction(3)
    const { certificate } = cleared(auction, proof, modest)
    expect(certificate.bound).toBe(certificate.witnessBound)
  })

  test('refuses injections that no order takes', () => {
    const auction = day({ steps: [step('b', 'buy', 10, 3)], injections: [{ area: 'A', period: 0, lots: 4 }] })
    expect(clearAuction(auction, { solve })).toEqual({ isCleared: false, code: 'unbalanced', at: 'A 0' })
  })

  test('a deep day: repaired, certified, and checked', () => {
    const auction = auctionInstance({ seed: 4, areas: 6, periods: 12, steps: 7_500, blocks: 60 })
    const clearing = cleared(auction, defaultLimits)
    expect(clearingFaults(auction, clearing)).toEqual([])
    expect(clearing.blocks.every(({ takenParts, surplus }) => takenParts === 0 || surplus >= 0)).toBe(true)
    expect(clearing.certificate.gapPartsPerMillion).toBeLessThan(2_000)
  })
})

describe('the checker of certificates', () => {
  const auction = (): DayAheadAuction => smallAuction(12)
  const broken = (change: (clearing: Clearing) => Clearing): string[] =>
    clearingFaults(auction(), change(cleared(auction())))

  test('finds what was tampered with', () => {
    expect(broken(clearing => clearing)).toEqual([])
    const dearer = broken(clearing => ({
      ...clearing,
      markets: clearing.markets.map(each => ({ ...each, priceTicks: (each.priceTicks ?? 0) + 3 })),
    }))
    expect(dearer.join()).toMatch(/in the money|out of the money|paradoxically accepted/)
    const generous = broken(clearing => ({
      ...clearing,
      awards: clearing.awards.map(each => ({ ...each, lots: each.lots + 1 })),
    }))
    expect(generous.join()).toMatch(/got \d+ of \d+ lots|volumes are not those/)
    const boastful = broken(clearing => ({
      ...clearing,
      certificate: { ...clearing.certificate, welfare: clearing.certificate.welfare + 1 },
    }))
    expect(boastful.join()).toMatch(/welfare is/)
    const certain = broken(clearing => ({
      ...clearing,
      certificate: { ...clearing.certificate, witnessBound: clearing.certificate.witnessBound - 1 },
    }))
    expect(certain.join()).toMatch(/the witness proves/)
    const blind = broken(clearing => ({
      ...clearing,
      blocks: clearing.blocks.map(each => ({ ...each, takenParts: each.parts })),
    }))
    expect(blind).not.toEqual([])
  })
})
