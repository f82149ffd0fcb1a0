import { describe, expect, test } from '@jest/globals'
import { auctionInstance } from '#bench/auction-instance.ts'
import { auctionProblem } from '#domain/auction/day-ahead-auction.ts'

describe('generated days', () => {
  const shape = { areas: 10, periods: 24, steps: 5_000, blocks: 300 }

  test('are the same for a seed, others for another, and can be cleared', () => {
    const day = auctionInstance({ seed: 5, ...shape })
    expect(auctionInstance({ seed: 5, ...shape })).toEqual(day)
    expect(auctionInstance({ seed: 6, ...shape })).not.toEqual(day)
    expect(auctionProblem(day)).toBeUndefined()
    expect([day.steps.length, day.blocks.length]).toEqual([5_000, 300])
  })

  test('have blocks of every kind, and substitutes across areas', () => {
    const { blocks } = auctionInstance({ seed: 5, ...shape })
    expect(blocks.filter(({ parentId }) => parentId !== null).length).toBeGreaterThan(10)
    expect(blocks.filter(each => each.minimumAcceptanceBasisPoints < 10_000).length).toBeGreaterThan(50)
    const groups = Map.groupBy(
      blocks.filter(({ exclusiveGroup }) => exclusiveGroup !== null),
      ({ exclusiveGroup }) => exclusiveGroup,
    )
    expect(groups.size).toBeGreaterThan(5)
    for (const members of groups.values())
      expect(new Set(members.map(({ profile }) => profile[0]?.area)).size).toBe(members.length)
  })
})
