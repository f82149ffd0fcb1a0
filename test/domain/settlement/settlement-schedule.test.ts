import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { autocallable, rangeAccrual } from '#domain/pricing/payoff-templates.ts'
import type { ContractTerms, SwapTerms } from '#domain/reference/contract-terms.ts'
import {
  lastVersions,
  type MeasuredWindow,
  overlapped,
  uncovered,
  widestSource,
} from '#domain/settlement/measured-windows.ts'
import { settlementNamed, settlementText } from '#domain/settlement/settlement-name.ts'
import { dueLegs, isKnockedOut, structuredState, variationDue } from '#domain/settlement/settlement-schedule.ts'
import { at, daily, dayMillis, fixing, settledContract, startMillis } from '#test/support/settled-contracts.ts'

const termsOf = <Kind extends ContractTerms['kind']>(kind: Kind, terms: object, change = {}) => {
  const { instrument } = settledContract(kind, terms, change)
  if (instrument.terms.kind !== kind) throw new Error('another kind')
  return instrument.terms as Extract<ContractTerms, { readonly kind: Kind }>
}

describe('names of settlements', () => {
  test('are read back, sort by number, and nothing else is one', () => {
    for (const name of [
      { kind: 'final', number: 0 },
      { kind: 'leg', number: 12 },
      { kind: 'distribution', number: 3 },
      { kind: 'variation', number: 20_780 },
    ] as const)
      expect(settlementNamed(settlementText(name))).toEqual(name)
    expect(settlementText({ kind: 'leg', number: 9 }) < settlementText({ kind: 'leg', number: 10 })).toBe(true)
    for (const text of ['', 'leg', 'leg#1', 'final#0', 'leg#0001x', 'coupon#0001'])
      expect(settlementNamed(text)).toBeUndefined()
  })
})

describe('what is due', () => {
  test('the day’s settlement at 08:00 UTC', () => {
    const day = startMillis / dayMillis
    expect(variationDue(at('11-01T07:59:59')).number).toBe(day - 1)
    expect(variationDue(at('11-01T08:00:00'))).toEqual({ number: day, dueAtMillis: at('11-01T08:00:00') })
    expect(variationDue(at('11-02T07:59:59')).number).toBe(day)
  })

  test('legs that have ended, in order, without the last', () => {
    const terms: SwapTerms = termsOf('swap', { first_month: '2026-09' }, { expirationMillis: at('12-01T00:00:00') })
    expect(dueLegs(terms, at('09-30T23:59:59'))).toEqual([])
    expect(dueLegs(terms, at('10-01T00:00:00'))).toEqual([{ number: 1, dueAtMillis: at('10-01T00:00:00') }])
    expect(dueLegs(terms, at('12-24T00:00:00')).map(({ number }) => number)).toEqual([1, 2])
  })

  test('a barrier that knocks out ends the option, one that knocks in does not', () => {
    const option = (direction: string) =>
      termsOf('option', {
        option_type: 'put',
        strike: '2',
        underlying_instrument: 'I-4NOV26',
        barrier: { direction, level: '1.5' },
      })
    const reached = [fixing(startMillis, '2'), fixing(startMillis + 1, '1.5')]
    expect(isKnockedOut(option('down-out'), reached)).toBe(true)
    expect(isKnockedOut(option('down-out'), reached.slice(0, 1))).toBe(false)
    expect(isKnockedOut(option('down-in'), reached)).toBe(false)
    expect(isKnockedOut(option('up-out'), [fixing(startMillis, '1.49')])).toBe(false)
  })
})

describe('a structured product before its end', () => {
  const note = termsOf('structured_product', {
    payoff: autocallable({
      index: 'I',
      initialLevel: 2,
      dates: ['2026-11-02', '2026-11-03'],
      autocallLevel: 2.1,
      couponPerPeriod: 0.05,
      knockInLevel: 1,
    }),
  })
  const state = (terms: typeof note, levels: string[], nowMillis: number, distributedTicks = 0) =>
    structuredState(terms, [daily(levels)], { tickSize: '0.01', distributedTicks, nowMillis })

  test('is redeemed once the day on which it was called is over', () => {
    expect(state(note, ['2', '2.2'], at('11-02T23:59:59'))).toEqual({ isRedeemed: false })
    expect(state(note, ['2', '2.2'], at('11-03T00:00:00'))).toEqual({ isRedeemed: true })
    expect(state(note, ['2', '2'], at('11-03T00:00:00'))).toEqual({ isRedeemed: false })
  })

  test('pays what the days that are over decide, once', () => {
    const coupons = termsOf('structured_product', {
      payoff: {
        op: 'all',
        flows: [1, 2].map(day =>
          rangeAccrual({ index: 'I', dates: [`2026-11-0${day}`], low: 1, high: 3, coupon: 0.04 }),
        ),
      },
    })
    expect(state(coupons, ['2'], at('11-01T12:00:00'))).toEqual({ isRedeemed: false })
    const due = { isRedeemed: false, distributionDueMillis: at('11-02T00:00:00') }
    expect(state(coupons, ['2'], at('11-02T09:00:00'))).toEqual(due)
    expect(state(coupons, ['2'], at('11-02T09:00:00'), 4)).toEqual({ isRedeemed: false })
    expect(state(coupons, ['2', '5'], at('11-03T09:00:00'), 4)).toEqual({ isRedeemed: true })
  })
})

describe('windows', () => {
  const windowOf = (start: number, end: number, change: Partial<MeasuredWindow> = {}): MeasuredWindow => ({
    source: 'a',
    windowStartMillis: start,
    windowEndMillis: end,
    version: 1,
    ...change,
  })

  test('the last version of each counts', () => {
    const windows = [
      windowOf(0, 10, { version: 2 }),
      windowOf(0, 10),
      windowOf(0, 10, { source: 'b' }),
      windowOf(10, 20),
    ]
    expect(
      lastVersions(windows).map(({ source, version, windowStartMillis }) => [windowStartMillis, source, version]),
    ).toEqual([
      [0, 'a', 2],
      [0, 'b', 1],
      [10, 'a', 1],
    ])
  })

  test.each([
    ['that ends in it', windowOf(5, 12), true],
    ['that begins in it', windowOf(19, 30), true],
    ['around it', windowOf(0, 40), true],
    ['within it', windowOf(12, 13), true],
    ['that ends where it begins', windowOf(0, 10), false],
    ['that begins where it ends', windowOf(20, 30), false],
    ['of another source', windowOf(5, 12, { source: 'b' }), false],
    ['that begins with it: a correction', windowOf(10, 15), false],
  ])('a window %s', (_, other, overlaps) => {
    expect(overlapped(windowOf(10, 20), [windowOf(40, 50), other])).toEqual(overlaps ? other : undefined)
  })

  test('gaps and windows make the span, without overlap', () => {
    const spans = fc.array(
      fc
        .tuple(fc.integer({ min: 0, max: 90 }), fc.integer({ min: 1, max: 30 }))
        .map(([start, length]) => windowOf(start, start + length)),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(spans, windows => {
        const gaps = uncovered(windows, { fromMillis: 10, toMillis: 80 })
        for (let instant = 10; instant < 80; instant++) {
          const isCovered = windows.some(each => each.windowStartMillis <= instant && instant < each.windowEndMillis)
          const inGaps = gaps.filter(each => each.fromMillis <= instant && instant < each.toMillis).length
          expect([instant, inGaps]).toEqual([instant, isCovered ? 0 : 1])
        }
      }),
    )
  })

  test('the source that covers most, of equals the first by name', () => {
    const windows = [
      windowOf(0, 10, { source: 'b' }),
      windowOf(0, 10, { source: 'a' }),
      windowOf(10, 20, { source: 'b' }),
    ]
    expect(widestSource(windows, { fromMillis: 0, toMillis: 20 }).map(({ source }) => source)).toEqual(['b', 'b'])
    expect(widestSource(windows.slice(0, 2), { fromMillis: 0, toMillis: 20 })).toEqual([windows[1]])
    expect(widestSource([], { fromMillis: 0, toMillis: 20 })).toEqual([])
  })
})
