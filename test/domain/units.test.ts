import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decimal, decimalOfMicros, decimalRatio, increments, micros } from '#domain/units.ts'

const increment = fc.constantFrom('1', '0.05', '0.000001', '0.01', '250', '0.000000000001', '12.5')

describe('a decimal and its increments', () => {
  test.each([
    ['2.55', '0.05', 51],
    ['2.550', '0.05', 51],
    ['0', '0.05', 0],
    ['9007199254740991', '1', undefined],
    ['900719925474099', '1', 900_719_925_474_099],
    ['90071992547409.91', '0.01', Number.MAX_SAFE_INTEGER],
    ['90071992547409.92', '0.01', undefined],
    ['2.56', '0.05', undefined],
    ['2.55', '0', undefined],
  ])('%s in steps of %s is %s', (text, step, count) => {
    expect(increments(text, step)).toBe(count)
  })

  test.each([
    '',
    '.5',
    '5.',
    '-1',
    '+1',
    '1e3',
    '01',
    '1,5',
    ' 1',
    '1 ',
    '0x1',
    'NaN',
    'Infinity',
    '1.0000000000001',
    '１',
  ])('%j is none', text => {
    expect(increments(text, '1')).toBeUndefined()
    expect(increments('1', text)).toBeUndefined()
  })

  test('round trip without loss', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999 }), increment, (count, step) => {
        expect(increments(decimal(count, step), step)).toBe(count)
      }),
    )
  })

  test('come out as the shortest text', () => {
    expect(decimal(51, '0.05')).toBe('2.55')
    expect(decimal(50, '0.05')).toBe('2.5')
    expect(decimal(0, '0.05')).toBe('0')
    expect(decimal(-51, '0.05')).toBe('-2.55')
    expect(() => decimal(1, 'x')).toThrow(RangeError)
  })
})

describe('micros', () => {
  test('are millionths, no finer', () => {
    expect(micros('2.5')).toBe(2_500_000)
    expect(micros('0.0000005')).toBeUndefined()
    expect(micros('9007199254.740991')).toBe(Number.MAX_SAFE_INTEGER)
    expect(micros('9007199254.740992')).toBeUndefined()
  })

  test('round trip, with their sign', () => {
    expect(decimalOfMicros(-2_500_000)).toBe('-2.5')
    fc.assert(
      fc.property(fc.maxSafeNat(), amount => {
        expect(micros(decimalOfMicros(amount))).toBe(amount)
        if (amount !== 0) expect(decimalOfMicros(-amount)).toBe(`-${decimalOfMicros(amount)}`)
      }),
    )
  })
})

describe('an average price', () => {
  test.each([
    [1, 3, '0.01', '0.003333333333'],
    [2, 3, '1', '0.666666666667'],
    [-1, 2, '1', '-0.5'],
    [-7, -2, '1', '3.5'],
    [0, -3, '1', '0'],
    [5, 0, '1', undefined],
  ])('of %s over %s in steps of %s is %s', (numerator, denominator, step, text) => {
    expect(decimalRatio(numerator, denominator, step)).toBe(text)
  })

  test('is off by half of the last digit at most', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 2 ** 31 }), (numerator, denominator) => {
        const text = decimalRatio(numerator, denominator, '0.01') ?? ''
        const [whole = '', fraction = ''] = text.split('.')
        const found = BigInt(whole + fraction.padEnd(12, '0'))
        // found / 10^12 against numerator / (100 × denominator), both times 10^12 × denominator.
        const difference = found * BigInt(denominator) - BigInt(numerator) * 10n ** 10n
        expect(difference < 0n ? -difference * 2n : difference * 2n).toBeLessThanOrEqual(BigInt(denominator))
      }),
    )
  })
})
