import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  type Allowance,
  costMicros,
  decide,
  depthMicros,
  emptyAllowance,
  type Priority,
  type RateLimit,
  renewal,
  standing,
  withBucket,
  withLease,
} from '#domain/compliance/rate-limit.ts'
import { takeInMemory } from '#test/support/rate-limits.ts'

const second = 1_000_000

/** One bucket and the processes that serve its credential, each with what it has leased. */
const exchange = (limit: RateLimit, processes: number) => {
  let stored: number | undefined
  let asked = 0
  const allowances: Allowance[] = Array.from({ length: processes }, () => emptyAllowance)
  const known = (process: number): Allowance => allowances[process] ?? emptyAllowance
  const take = (
    process: number,
    taking: { takeMicros: number; priority: Priority; depthMicros: number },
    spent: number,
    nowMicros: number,
    lost: boolean,
  ): boolean => {
    asked += 1
    const { spentUntilMicros: knownSpentUntilMicros } = known(process)
    const answer = takeInMemory(stored, { ...taking, nowMicros, knownSpentUntilMicros })
    if (answer.taken) stored = answer.spentUntilMicros
    // The table has given, and nobody knows.
    if (lost) return false
    allowances[process] = answer.taken
      ? withLease(known(process), taking, spent, answer.spentUntilMicros, nowMicros)
      : withBucket(known(process), answer.spentUntilMicros)
    return answer.taken
  }
  const request = (
    process: number,
    weight: number,
    priority: Priority,
    nowMicros: number,
    lost = false,
  ): 'admitted' | 'refused' => {
    const cost = { costMicros: costMicros(limit, weight), priority }
    for (let attempt = 0; attempt < 5; attempt++) {
      const decision = decide(limit, known(process), cost, nowMicros)
      if (decision.kind === 'refused') return 'refused'
      if (decision.kind === 'admitted') {
        allowances[process] = decision.allowance
        const taking = renewal(limit, known(process), nowMicros)
        if (taking !== undefined) take(process, taking, 0, nowMicros, lost)
        return 'admitted'
      }
      if (take(process, decision.taking, cost.costMicros, nowMicros, lost)) return 'admitted'
    }
    return 'refused'
  }
  return {
    request,
    asked: () => asked,
    standing: (process: number, now: number) => standing(limit, known(process), now),
  }
}

const limits = fc.record({ perSecond: fc.integer({ min: 1, max: 1_000 }), burst: fc.integer({ min: 10, max: 2_000 }) })
const step = fc.record({
  process: fc.integer({ min: 0, max: 3 }),
  weight: fc.constantFrom(0.1, 1, 2, 5),
  isCancel: fc.boolean(),
  times: fc.integer({ min: 1, max: 60 }),
  afterMicros: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2_000 }), fc.integer({ min: 0, max: 20 * second })),
  lost: fc.integer({ min: 0, max: 9 }).map(of => of === 0),
})

describe('however many processes serve a credential', () => {
  test('in no stretch of time are more admitted than the burst and what the rate adds; with cancels, and the reserve', () => {
    let refusals = 0
    fc.assert(
      fc.property(limits, fc.array(step, { minLength: 1, maxLength: 60 }), (limit, steps) => {
        const { request } = exchange(limit, 4)
        let now = 1_700_000_000 * second
        /** What was admitted at an instant: ordinary, and in all. */
        const admitted: { now: number; ordinary: number; all: number }[] = []
        for (const { process, weight, isCancel, times, afterMicros, lost } of steps) {
          now += afterMicros
          const sum = { now, ordinary: 0, all: 0 }
          for (let each = 0; each < times; each++) {
            if (request(process, weight, isCancel ? 'reserved' : 'ordinary', now, lost) === 'refused') refusals += 1
            else {
              sum.all += weight
              sum.ordinary += isCancel ? 0 : weight
            }
          }
          admitted.push(sum)
        }
        for (const [first, { now: from }] of admitted.entries()) {
          let ordinary = 0
          let all = 0
          for (const each of admitted.slice(first)) {
            ordinary += each.ordinary
            all += each.all
            const added = ((each.now - from) * limit.perSecond) / second
            // Weights are tenths: their sum in floats may be a hair off.
            expect(ordinary).toBeLessThanOrEqual(limit.burst + added + 1e-6)
            expect(all).toBeLessThanOrEqual(limit.burst * 1.1 + added + 1e-6)
          }
        }
      }),
      { numRuns: 150 },
    )
    // A limit that never refused would prove nothing.
    expect(refusals).toBeGreaterThan(500)
  })

  test('who stays within the rate is never refused, nearly nothing of the burst is lost, and hardly anything is asked', () => {
    const limit = { perSecond: 200, burst: 2_000 }
    const { request, asked, standing } = exchange(limit, 2)
    let now = 1_700_000_000 * second
    for (let each = 0; each < 10_000; each++) {
      now += second / limit.perSecond
      expect(request(each % 2, 1, 'ordinary', now)).toBe('admitted')
    }
    expect(asked()).toBeLessThan(250)
    let burst = 0
    while (request(0, 1, 'ordinary', now) === 'admitted') burst += 1
    // What the other process has leased is not to be had here until it has lapsed.
    expect(burst).toBeGreaterThan(limit.burst * 0.75)
    expect(standing(0, now)).toEqual({ limit: 2_000, remaining: 0, resetSeconds: 10 })
    expect(standing(0, now + 4 * second)).toEqual({ limit: 2_000, remaining: 800, resetSeconds: 6 })
    expect(standing(0, now + 60 * second)).toEqual({ limit: 2_000, remaining: 2_000, resetSeconds: 0 })
  })
})

describe('a flood', () => {
  const limit = { perSecond: 100, burst: 1_000 }
  const now = 1_700_000_000 * second
  const flooded = () => {
    const all = exchange(limit, 3)
    let admitted = 0
    for (let each = 0; each < 5_000; each++) if (all.request(each % 3, 1, 'ordinary', now) === 'admitted') admitted += 1
    return { ...all, admitted }
  }

  test('gets the whole burst, to the last token, and is refused without asking', () => {
    const { admitted, asked } = flooded()
    expect(admitted).toBe(1_000)
    expect(asked()).toBeLessThan(50)
  })

  test('leaves its cancels a reserve, which its orders cannot touch', () => {
    const { request } = flooded()
    for (let each = 0; each < 1_000; each++) expect(request(0, 0.1, 'reserved', now)).toBe('admitted')
    expect(request(0, 0.1, 'reserved', now)).toBe('refused')
    const other = flooded()
    // What a cancel takes along for more of its kind is for its kind only.
    expect(other.request(0, 1, 'reserved', now)).toBe('admitted')
    expect(other.request(0, 1, 'ordinary', now)).toBe('refused')
    expect(other.request(0, 1, 'reserved', now)).toBe('admitted')
    // The reserve fills first.
    const later = now + second / 2
    expect(request(0, 1, 'ordinary', later)).toBe('refused')
    expect(request(0, 0.1, 'reserved', later)).toBe('admitted')
  })

  test('is told when the same request fits, and then it does', () => {
    const { request } = flooded()
    const cost = costMicros(limit, 5)
    const decision = decide(
      limit,
      { ...emptyAllowance, spentUntilMicros: now + depthMicros(limit, 'ordinary') },
      { costMicros: cost, priority: 'ordinary' },
      now,
    )
    expect(decision).toEqual({ kind: 'refused', againAtMicros: now + cost })
    expect(request(0, 5, 'ordinary', now + cost - 1)).toBe('refused')
    expect(request(0, 5, 'ordinary', now + cost)).toBe('admitted')
  })
})

test('a lease is worth what of its stretch of time is still to come', () => {
  const limit = { perSecond: 100, burst: 1_000 }
  const now = 1_700_000_000 * second
  const { request, asked } = exchange(limit, 1)
  expect(request(0, 1, 'ordinary', now)).toBe('admitted')
  expect(asked()).toBe(1)
  // A tenth of the bucket, and a second of time.
  expect(request(0, 1, 'ordinary', now + second / 4)).toBe('admitted')
  expect(asked()).toBe(1)
  expect(request(0, 1, 'ordinary', now + 5 * second)).toBe('admitted')
  expect(asked()).toBe(2)
})
