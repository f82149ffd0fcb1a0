import { expect } from '@jest/globals'
import fc from 'fast-check'
import type { Priced, Refused } from '#domain/pricing/priced.ts'

/** The value of an answer that must not be refused. */
export const answered = <Value>(answer: Priced<Value>): Value => {
  if (!answer.priced) throw new Error(`refused: ${answer.code} ${answer.field}`)
  return answer.value
}

export const refusalOf = <Value>(answer: Priced<Value>): Refused | undefined => (answer.priced ? undefined : answer)

/** Relative to the larger of 1 and the expected value. */
export const expectClose = (value: number, expected: number, tolerance: number): void => {
  expect(Math.abs(value - expected) / Math.max(1, Math.abs(expected))).toBeLessThanOrEqual(tolerance)
}

export const runs = { numRuns: 40 }

const range = (min: number, max: number) => fc.double({ min, max, noNaN: true })

/** Options on a spot as compute is quoted: a few dollars, volatile, months to two years. */
export const spotOptions = fc.record({
  optionType: fc.constantFrom('call', 'put'),
  spot: range(0.5, 10),
  strike: range(0.5, 10),
  timeYears: range(0.05, 2),
  volatility: range(0.1, 1.2),
  rate: range(-0.02, 0.12),
  yieldRate: range(-0.02, 0.12),
})
