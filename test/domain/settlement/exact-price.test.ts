import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  exactMean,
  exactMicros,
  exactPrice,
  exactTicks,
  excess,
  isAbove,
  toldPrice,
} from '#domain/settlement/exact-price.ts'
import { decimal } from '#domain/units.ts'

const level = fc.integer({ min: 1, max: 10 ** 12 }).map(count => decimal(count, '0.00000001'))

describe('exact prices', () => {
  test('the mean of thirds is no float, and a half goes up', () => {
    const mean = exactMean(['1', '1', '2'])
    expect(mean && toldPrice(mean)).toBe('1.333333333333')
    expect(exactTicks({ top: 5n, bottom: 1_000n }, '0.01')).toBe(1n)
    expect(exactTicks({ top: 4_999n, bottom: 1_000_000n }, '0.01')).toBe(0n)
    expect(exactMean([])).toBeUndefined()
    expect(() => exactPrice('-1')).toThrow(RangeError)
    expect(toldPrice(exactMicros(2_500_000n))).toBe('2.5')
  })

  test('0.1 and 0.2 make 0.15, which floats do not', () => {
    const mean = exactMean(['0.1', '0.2'])
    expect(mean && exactTicks(mean, '0.000000000001')).toBe(150_000_000_000n)
  })

  test('a mean lies between its least and its most, in any order, and equal levels are their own mean', () => {
    fc.assert(
      fc.property(fc.array(level, { minLength: 1, maxLength: 40 }), levels => {
        const mean = exactMean(levels)
        if (mean === undefined) throw new Error('there is a mean')
        const exact = levels.map(exactPrice)
        expect(exact.every(each => isAbove(each, mean))).toBe(false)
        expect(exact.every(each => isAbove(mean, each))).toBe(false)
        expect(exactMean(levels.toReversed())).toEqual(mean)
        const [first = '1'] = levels
        expect(exactTicks(exactMean(levels.map(() => first)) ?? mean, '0.00000001')).toBe(
          exactTicks(exactPrice(first), '0.00000001'),
        )
      }),
    )
  })

  test('one exceeds the other by what the other lacks, and ticks are the nearest', () => {
    fc.assert(
      fc.property(level, level, (one, other) => {
        const [a, b] = [exactPrice(one), exactPrice(other)]
        const [over, under] = [excess(a, b), excess(b, a)]
        expect(over.top === 0n || under.top === 0n).toBe(true)
        const ticks = exactTicks(a, '0.01')
        const twiceOff = 2n * (a.top * 100n - ticks * a.bottom)
        expect(twiceOff < a.bottom && twiceOff >= -a.bottom).toBe(true)
      }),
    )
  })
})
