import { describe, expect, test } from '@jest/globals'
import { noLevel, PriceLadder } from '#domain/trading/price-ladder.ts'
import { createRandom, type Random } from '#test/support/random-commands.ts'

/** Prices by where they lie to each other: what a window of 512 to 8192 ticks holds, and what it does not. */
const shapes: readonly (readonly [string, (random: Random, step: number) => number])[] = [
  ['close together', random => random.between(1_000, 1_060)],
  ['over a whole window', random => random.between(1, 8_000)],
  ['wider than any window', random => random.between(1, 60_000)],
  ['far apart', random => random.pick([1, 7, 600, 40_000, 40_001, 1_000_000, 2_147_483_646, 2_147_483_647])],
  [
    'close together, some of them far',
    random => (random.chance(0.1) ? random.between(1, 2 ** 30) : random.between(50_000, 50_100)),
  ],
  ['wandering off', (random, step) => 100_000 + step * 20 + random.below(300)],
  ['wandering down to the lowest', (random, step) => Math.max(1, 40_000 - step * 20) + random.below(300)],
]

describe.each(shapes)('prices %s', (_, ticksAt) => {
  test.each([true, false])('are kept as a sorted list would keep them (the best is the highest: %s)', bestIsHighest => {
    const random = createRandom(7)
    const ladder = new PriceLadder(bestIsHighest)
    const levels = new Map<number, number>()
    const sorted = (): number[] => [...levels.keys()].sort((a, b) => (bestIsHighest ? b - a : a - b))
    const wrong: string[] = []
    for (let step = 0; step < 3_000; step += 1) {
      const ticks = ticksAt(random, step)
      const level = levels.get(ticks)
      if (ladder.find(ticks) !== (level ?? noLevel)) wrong.push(`${step}: found ${ladder.find(ticks)} at ${ticks}`)
      // Now and then it is emptied from its best price on, as trading does.
      const drain = random.chance(0.05) ? random.below(levels.size + 1) : 0
      if (drain > 0)
        for (const best of sorted().slice(0, drain)) {
          ladder.remove(best)
          levels.delete(best)
        }
      else if (level === undefined) {
        ladder.add(ticks, 8 * (step + 1))
        levels.set(ticks, 8 * (step + 1))
      } else {
        ladder.remove(ticks)
        levels.delete(ticks)
      }
      const [best] = sorted()
      if (ladder.best !== (best === undefined ? noLevel : levels.get(best))) wrong.push(`${step}: best ${ladder.best}`)
      if (ladder.bestTicks !== (best ?? 0)) wrong.push(`${step}: best at ${ladder.bestTicks}, not ${best}`)
      if (step % 500 !== 0) continue
      expect(ladder.levelsBestFirst()).toEqual(sorted().map(at => ({ ticks: at, level: levels.get(at) })))
    }
    expect(wrong).toEqual([])
  })
})
