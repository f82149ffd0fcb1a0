import { expect, test } from '@jest/globals'
import { type Due, Timers } from '#domain/trading/timers.ts'
import { createRandom } from '#test/support/random-commands.ts'

const order = (due: Due): string =>
  `${String(due.atMillis).padStart(9, '0')} ${due.kind} ${String(due.key).padStart(4, '0')}`

test('timers fall due earliest first, and those of one time in the same order however they were set', () => {
  const random = createRandom(2)
  const timers = new Timers()
  const set: Due[] = []
  const taken: string[] = []
  const expected: string[] = []
  expect(timers.isDue(Number.MAX_SAFE_INTEGER)).toBe(false)
  expect(timers.take()).toBeUndefined()
  for (let step = 0; step < 5_000; step += 1) {
    if (random.chance(step < 2_500 ? 0.6 : 0.4)) {
      const atMillis = random.below(500)
      const due: Due = random.chance(0.5)
        ? { atMillis, kind: 'order', key: String(random.below(9_000)).padStart(4, '0') }
        : { atMillis, kind: random.pick(['dead-man', 'state'] as const), key: random.below(9_000) }
      timers.add(due)
      set.push(due)
    } else {
      set.sort((a, b) => (order(a) < order(b) ? -1 : 1))
      const [first] = set
      const nowMillis = random.below(500)
      expect(timers.isDue(nowMillis)).toBe(first !== undefined && first.atMillis <= nowMillis)
      set.shift()
      const due = timers.take()
      taken.push(due === undefined ? 'none' : order(due))
      expected.push(first === undefined ? 'none' : order(first))
    }
  }
  expect(taken).toEqual(expected)
})
