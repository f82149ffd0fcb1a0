import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { openAvailabilityStream } from '#domain/sla/availability-stream.ts'
import {
  inOrder,
  latencyUpperNanos,
  type Reading,
  readingFate,
  type SlaWindow,
  windowMillis,
  windowsBetween,
} from '#domain/sla/readings.ts'

const second = 1_000
const reading = (atSeconds: number, change: Partial<Reading> = {}): Reading => ({
  probe: 'a',
  atMillis: atSeconds * second,
  holdsSeconds: 60,
  availableUnits: 2,
  degradedUnits: 0,
  latencyNanos: [],
  revision: 0,
  ...change,
})
const span = (minutes: number) => ({ fromMillis: 0, toMillis: minutes * windowMillis })
const seconds = ({ upSeconds, degradedSeconds, downSeconds, unknownSeconds }: SlaWindow) => [
  upSeconds,
  degradedSeconds,
  downSeconds,
  unknownSeconds,
]

/** Second by second, by nothing but what the words say. */
const naive = (readings: readonly Reading[], quantity: number, minutes: number): number[][] =>
  Array.from({ length: minutes }, (_, minute) => {
    const sums = [0, 0, 0, 0]
    for (let at = minute * 60; at < minute * 60 + 60; at++) {
      const said = [...new Set(readings.map(({ probe }) => probe))].flatMap(probe => {
        const last = readings
          .filter(each => each.probe === probe && each.atMillis <= at * second)
          .sort((one, other) => other.atMillis - one.atMillis)[0]
        if (last === undefined || last.atMillis + last.holdsSeconds * second <= at * second) return []
        const up = Math.min(last.availableUnits, quantity)
        return [[up, Math.min(last.degradedUnits, quantity - up)] as const]
      })
      const median = said.sort((one, other) => one[0] - other[0] || one[1] - other[1])[Math.ceil(said.length / 2) - 1]
      const added =
        median === undefined ? [0, 0, 0, quantity] : [median[0], median[1], quantity - median[0] - median[1], 0]
      for (const [index, units] of added.entries()) sums[index] = (sums[index] ?? 0) + units
    }
    return sums
  })

const minutes = 12
const anyReading = fc.record({
  probe: fc.constantFrom('a', 'b', 'c'),
  atMillis: fc.integer({ min: -300, max: minutes * 60 + 30 }).map(at => at * second),
  holdsSeconds: fc.oneof(fc.constant(60), fc.integer({ min: 1, max: 3_600 })),
  availableUnits: fc.integer({ min: 0, max: 5 }),
  degradedUnits: fc.integer({ min: 0, max: 3 }),
  latencyNanos: fc.array(fc.integer({ min: 1, max: 5_000_000 }), { maxLength: 2 }),
  revision: fc.constant(0),
})
const anyReadings = fc.uniqueArray(anyReading, {
  maxLength: 30,
  selector: ({ probe, atMillis }) => `${probe} ${atMillis}`,
})

describe('windows of a minute', () => {
  test('weigh seconds by units: up, degraded, down, and unknown where nobody speaks', () => {
    const windows = windowsBetween(
      [
        reading(10),
        reading(40, { availableUnits: 1, degradedUnits: 1 }),
        reading(70, { availableUnits: 0, holdsSeconds: 30 }),
      ],
      2,
      span(3),
    )
    expect(windows.map(seconds)).toEqual([
      [2 * 30 + 20, 20, 0, 2 * 10],
      [10, 10, 2 * 30, 2 * 20],
      [0, 0, 0, 120],
    ])
  })

  test('count no more units than are promised', () => {
    const [window] = windowsBetween([reading(0, { availableUnits: 9, degradedUnits: 4 })], 2, span(1))
    expect(window && seconds(window)).toEqual([120, 0, 0, 0])
  })

  test('take the lower median of several probes', () => {
    const [one, two] = [reading(0, { probe: 'b', availableUnits: 0 }), reading(0, { probe: 'c' })]
    expect(windowsBetween([reading(0), one], 2, span(1)).map(seconds)).toEqual([[0, 0, 120, 0]])
    expect(windowsBetween([reading(0), one, two], 2, span(1)).map(seconds)).toEqual([[120, 0, 0, 0]])
  })

  test('count latencies below their bounds, in the window in which they were told', () => {
    const [first, next] = windowsBetween(
      [reading(0, { latencyNanos: [10_000, 10_001] }), reading(60, { latencyNanos: [3_600_000_000_000] })],
      2,
      span(2),
    )
    expect([first?.latencyCounts?.slice(0, 3), next?.latencyCounts?.at(-1)]).toEqual([[1, 1, 0], 1])
    expect([...latencyUpperNanos].sort((a, b) => a - b)).toEqual(latencyUpperNanos)
    expect(new Set(latencyUpperNanos).size).toBe(latencyUpperNanos.length)
  })

  test('are what a count second by second says', () => {
    fc.assert(
      fc.property(anyReadings, fc.integer({ min: 1, max: 4 }), (readings, quantity) => {
        const windows = windowsBetween([...readings].sort(inOrder), quantity, span(minutes))
        expect(windows.map(seconds)).toEqual(naive(readings, quantity, minutes))
      }),
      { numRuns: 150 },
    )
  })
})

describe('the stream', () => {
  test('in any order, with repeats, at any watermark, comes to what all readings at once come to', () => {
    fc.assert(
      fc.property(
        anyReadings.chain(readings =>
          fc.tuple(
            fc.constant(readings),
            fc.shuffledSubarray([...readings, ...readings], { minLength: readings.length * 2 }),
          ),
        ),
        fc.array(fc.integer({ min: 0, max: minutes * 60 }), { minLength: 5, maxLength: 5 }),
        fc.integer({ min: 1, max: 4 }),
        ([readings, delivered], clocks, quantity) => {
          const stream = openAvailabilityStream(quantity, span(minutes))
          for (const [at, each] of delivered.entries()) {
            stream.take(each)
            stream.advance((clocks[at % clocks.length] ?? 0) * second)
          }
          stream.advance(minutes * windowMillis + 120_000)
          const records = stream.records().map(({ version: _, ...window }) => window)
          expect(records).toEqual(windowsBetween([...readings].sort(inOrder), quantity, span(minutes)))
        },
      ),
      { numRuns: 200 },
    )
  })

  test('closes windows two minutes behind the clock; what comes later is the next version of what it changes', () => {
    const stream = openAvailabilityStream(2, span(10))
    stream.take(reading(0))
    expect(stream.advance(179_999)).toEqual([])
    expect(stream.advance(180_000)).toMatchObject([{ window: { startMillis: 0, version: 1, upSeconds: 120 } }])
    expect(stream.take(reading(30, { availableUnits: 0 }))).toMatchObject({
      fate: 'taken',
      changed: [{ window: { startMillis: 0, version: 2, upSeconds: 60, downSeconds: 60 }, before: { version: 1 } }],
    })
    // Of what is not closed yet nothing is corrected.
    expect(stream.take(reading(300)).changed).toEqual([])
  })

  test('what ends early gives back the time that the one before it had claimed', () => {
    const stream = openAvailabilityStream(2, span(5))
    stream.take(reading(0, { holdsSeconds: 240 }))
    stream.advance(420_000)
    const { changed } = stream.take(reading(60, { holdsSeconds: 30 }))
    expect(changed.map(({ window }) => seconds(window))).toEqual([
      [60, 0, 0, 60],
      [0, 0, 0, 120],
      [0, 0, 0, 120],
    ])
  })
})

test('of one name the higher revision counts, whichever comes first; the same revision may not say two things', () => {
  const [first, second_] = [reading(0), reading(0, { revision: 1, availableUnits: 0 })]
  expect(readingFate(first, undefined)).toBe('taken')
  expect(readingFate(first, first)).toBe('known')
  expect(readingFate(second_, first)).toBe('taken')
  expect(readingFate(first, second_)).toBe('superseded')
  expect(readingFate({ ...first, latencyNanos: [1] }, first)).toBe('conflict')
})
