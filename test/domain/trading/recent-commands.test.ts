import { describe, expect, test } from '@jest/globals'
import { RecentCommands, rememberedCommands } from '#domain/trading/recent-commands.ts'

/** As the intake makes them: many in a millisecond, and many that end alike. */
const putId = (words: Int32Array, n: number): Int32Array => {
  words[0] = n >>> 5
  words[1] = 0x7000_0000
  words[2] = n & 7
  words[3] = (n & 31) >>> 3
  return words
}
const words = new Int32Array(4)
const idOf = (n: number): Int32Array => putId(words, n)

const addAll = (recent: RecentCommands, from: number, to: number): number => {
  let known = 0
  for (let n = from; n < to; n += 1) if (!recent.add(idOf(n), 0, 1 + (n % 3))) known += 1
  return known
}
const countKnown = (recent: RecentCommands, from: number, to: number): number => {
  let known = 0
  for (let n = from; n < to; n += 1) if (recent.placedBy(idOf(n), 0) === 1 + (n % 3)) known += 1
  return known
}

describe('recent commands', () => {
  test('are remembered, each with the account whose order it placed', () => {
    const recent = new RecentCommands()

    expect(recent.add(idOf(5), 0, 9)).toBe(true)
    expect(recent.add(idOf(6), 0, 0)).toBe(true)
    expect(recent.add(idOf(5), 0, 8)).toBe(false)
    expect([5, 6, 7].map(n => recent.placedBy(idOf(n), 0))).toEqual([9, 0, 0])
  })

  test('are at least those of a whole generation and at most those of two, across a restore', () => {
    const recent = new RecentCommands()
    const generation = rememberedCommands
    expect(addAll(recent, 0, 2 * generation)).toBe(0)
    expect(countKnown(recent, 0, 2 * generation)).toBe(2 * generation)

    // The first of the third generation: the first is forgotten as a whole.
    expect(addAll(recent, 2 * generation, 2 * generation + 1)).toBe(0)
    expect(countKnown(recent, 0, generation)).toBe(0)
    expect(countKnown(recent, generation, 2 * generation + 1)).toBe(generation + 1)
    // A repeated one is not remembered anew.
    expect(recent.add(idOf(generation), 0, 9)).toBe(false)

    const restored = new RecentCommands()
    restored.restore(recent.generations())
    expect(restored.generations()).toEqual(recent.generations())
    for (const each of [recent, restored]) {
      expect(addAll(each, 2 * generation + 1, 3 * generation)).toBe(0)
      expect(countKnown(each, generation, 3 * generation)).toBe(2 * generation)
      expect(addAll(each, 3 * generation, 3 * generation + 1)).toBe(0)
      expect(countKnown(each, 0, 2 * generation)).toBe(0)
      // What was forgotten may come again.
      expect(each.add(idOf(3), 0, 7)).toBe(true)
    }
    expect(restored.generations()).toEqual(recent.generations())
  })
})
