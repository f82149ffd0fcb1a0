import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { assess, breachId, noWindows, uptimePercent } from '#domain/sla/assessment.ts'
import { balances, type PenaltyEntry, penaltyEntries, standingPenaltyMicros } from '#domain/sla/penalty-ledger.ts'
import type { Reading } from '#domain/sla/readings.ts'
import { closingMillis, openSlaBook, settledAtOnce } from '#domain/sla/sla-book.ts'
import {
  contractMonths,
  defaultTiers,
  isLastOfMonth,
  monthOf,
  type SlaContract,
  tierOutOfOrder,
} from '#domain/sla/sla-contract.ts'

const start = Date.parse('2026-01-31T23:00:00Z')
const minute = 60_000
const contract: SlaContract = {
  contractId: 'c',
  series: 'S',
  quantity: 2,
  feeMicros: 1_000_000_000,
  tiers: defaultTiers,
  degradedWeightPpm: 0,
  periodStartMillis: start,
  periodEndMillis: start + 120 * minute,
  providerAccount: 'provider',
  buyerAccount: 'buyer',
}
const reading = (minutes: number, availableUnits = 2): Reading => ({
  probe: 'p',
  atMillis: start + minutes * minute,
  holdsSeconds: 60,
  availableUnits,
  degradedUnits: 0,
  latencyNanos: [],
  revision: 0,
})
const all = Array.from({ length: 120 }, (_, at) => reading(at))

describe('months', () => {
  test('are those of the calendar within the period', () => {
    expect(contractMonths(contract, Infinity)).toEqual([
      { month: '2026-01', fromMillis: start, toMillis: start + 60 * minute },
      { month: '2026-02', fromMillis: start + 60 * minute, toMillis: start + 120 * minute },
    ])
    expect(contractMonths(contract, start + 60 * minute)).toHaveLength(1)
    expect(contractMonths(contract, start)).toEqual([])
    expect([59, 60, 119].map(at => isLastOfMonth(contract, start + at * minute))).toEqual([true, false, true])
    expect(monthOf(Date.UTC(2026, 11, 31, 23, 59))).toBe('2026-12')
  })
})

describe('an assessment', () => {
  const totals = (upSeconds: number, unknownSeconds = 0) => ({
    ...noWindows,
    upSeconds,
    unknownSeconds,
    downSeconds: 1_000_000 - upSeconds - unknownSeconds,
  })
  test.each([
    [1_000_000, 0, 0, '100'],
    [999_900, 0, 0, '99.99'],
    [999_899, 0, 100_000, '99.9899'],
    [990_000, 0, 100_000, '99'],
    [989_999, 0, 300_000, '98.9999'],
    [950_000, 0, 300_000, '95'],
    [949_999, 50_001, 1_000_000, '94.9999'],
    [0, 1_000_000, 1_000_000, '0'],
  ])('of %i up and %i unknown of a million credits %i', (up, unknown, creditPpm, percent) => {
    const assessed = assess(contract, totals(up, unknown))
    if (!assessed.priced) throw new Error(assessed.code)
    expect(assessed.value).toMatchObject({ creditPpm, penaltyMicros: creditPpm * 1_000, isBreached: creditPpm > 0 })
    expect(uptimePercent(assessed.value.uptime)).toBe(percent)
  })

  test('of nothing is refused; its breach has one name', () => {
    expect(assess(contract, noWindows)).toMatchObject({ priced: false, code: 'too-few' })
    expect(breachId('c', '2026-01', 2)).toBe('c:2026-01:uptime:2')
  })

  test('tiers go down, their credits up', () => {
    expect(tierOutOfOrder(defaultTiers)).toBeUndefined()
    expect(tierOutOfOrder([...defaultTiers, { belowUptimePpm: 960_000, creditPpm: 1_000_000 }])).toBe(3)
    expect(
      tierOutOfOrder([
        { belowUptimePpm: 990_000, creditPpm: 5 },
        { belowUptimePpm: 980_000, creditPpm: 5 },
      ]),
    ).toBe(1)
  })
})

describe('the penalty ledger', () => {
  test('whatever the versions say: every version sums to zero, what stands is the last one, nothing is edited', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 12 }), penalties => {
        const entries: PenaltyEntry[] = []
        for (const [at, penaltyMicros] of penalties.entries()) {
          const before = structuredClone(entries)
          const posted = penaltyEntries(contract, { month: '2026-01', version: at + 1, penaltyMicros }, entries)
          expect(posted.reduce((sum, { amountMicros }) => sum + amountMicros, 0)).toBe(0)
          entries.push(...posted)
          expect(entries.slice(0, before.length)).toEqual(before)
          expect(standingPenaltyMicros(entries, '2026-01')).toBe(penaltyMicros)
          expect(standingPenaltyMicros(entries, '2026-02')).toBe(0)
          expect(balances(entries).get('buyer') ?? 0n).toBe(BigInt(penaltyMicros))
          expect(balances(entries).get('provider') ?? 0n).toBe(BigInt(-penaltyMicros))
        }
        const names = entries.map(({ version, leg }) => `${version}#${leg}`)
        expect(new Set(names).size).toBe(names.length)
      }),
    )
  })
})

describe('a contract as its readings come in', () => {
  test('a late reading after the assessment reverses the penalty and posts another', () => {
    const book = openSlaBook(contract)
    const late = new Set([10, 11, 12])
    for (const [at, each] of all.entries()) if (!late.has(at)) book.take(each)
    book.advance(closingMillis(contract.periodEndMillis))
    book.assess()
    // 57 of 60 minutes: exactly 95 %.
    expect(book.settlement().months).toMatchObject([
      { month: '2026-01', version: 1, assessment: { value: { penaltyMicros: 300_000_000 } } },
      { month: '2026-02', version: 1, assessment: { value: { penaltyMicros: 0, isBreached: false } } },
    ])
    for (const at of late) book.take(reading(at))
    book.assess()
    expect(book.settlement().entries).toMatchObject([
      { version: 1, leg: 1, kind: 'penalty', account: 'provider', amountMicros: -300_000_000 },
      { version: 1, leg: 2, kind: 'penalty', account: 'buyer', amountMicros: 300_000_000 },
      { version: 2, leg: 1, kind: 'reversal', reversesVersion: 1, account: 'provider', amountMicros: 300_000_000 },
      { version: 2, leg: 2, kind: 'reversal', reversesVersion: 1, account: 'buyer', amountMicros: -300_000_000 },
    ])
    expect(book.corrections()).toBe(3)
    const { windows } = settledAtOnce(contract, all)
    expect(book.settlement().windows).toEqual(windows)
  })

  test('nothing has changed: nothing is assessed again', () => {
    const book = openSlaBook(contract)
    for (const each of [...all, ...all]) book.take(each)
    book.advance(closingMillis(contract.periodEndMillis))
    book.assess()
    book.assess()
    expect(book.settlement().months.map(({ version }) => version)).toEqual([1, 1])
  })
})
