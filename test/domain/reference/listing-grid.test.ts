import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { contractsOfGrid, type ListingGrid, nextExpiries, strikesAround } from '#domain/reference/listing-grid.ts'

const wednesday = Date.UTC(2026, 9, 28, 7, 30)
const days = (millis: readonly number[]) => millis.map(at => new Date(at).toISOString())

describe('expiries', () => {
  test('are at 08:00, none within the hour', () => {
    expect(days(nextExpiries([{ every: 'day', next: 2 }], wednesday))).toEqual([
      '2026-10-29T08:00:00.000Z',
      '2026-10-30T08:00:00.000Z',
    ])
    expect(days(nextExpiries([{ every: 'day', next: 1 }], wednesday - 1_800_000))).toEqual(['2026-10-28T08:00:00.000Z'])
  })

  test('of weeks are Fridays, of months the last ones; each comes once', () => {
    const found = nextExpiries(
      [
        { every: 'friday', next: 2 },
        { every: 'last_friday_of_month', next: 3 },
      ],
      wednesday,
    )
    expect(days(found).map(at => at.slice(0, 10))).toEqual(['2026-10-30', '2026-11-06', '2026-11-27', '2026-12-25'])
  })

  test('are as many as asked for, ascending, on the day that their rule says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2090, 0) }),
        fc.integer({ min: 1, max: 36 }),
        (now, next) => {
          const found = nextExpiries([{ every: 'last_friday_of_month', next }], now)
          expect(found).toHaveLength(next)
          expect(found).toEqual([...found].sort((one, other) => one - other))
          for (const at of found) {
            const week = new Date(at + 7 * 86_400_000)
            expect([new Date(at).getUTCDay(), new Date(at).getUTCHours()]).toEqual([5, 8])
            expect(week.getUTCMonth()).not.toBe(new Date(at).getUTCMonth())
            expect(at).toBeGreaterThan(now)
          }
        },
      ),
      { numRuns: 50 },
    )
  })
})

describe('strikes', () => {
  test('lie around the step that is nearest', () => {
    expect(strikesAround('2.56', '0.25', 2)).toEqual(['2', '2.25', '2.5', '2.75', '3'])
    expect(strikesAround('2.56', '0.25', 0)).toEqual(['2.5'])
    expect(strikesAround('0.3', '0.25', 3)).toEqual(['0.25', '0.5', '0.75', '1'])
  })

  test('are none where nothing can be counted', () => {
    expect(strikesAround('x', '0.25', 3)).toEqual([])
    expect(strikesAround('2', '0', 3)).toEqual([])
  })
})

const shared = {
  underlying: 'H100.USE',
  index: 'H100.USE',
  expiries: [{ every: 'last_friday_of_month' as const, next: 2 }],
  tickSize: '0.001',
  minTradeAmount: '1',
  contractSize: '1',
  makerCommissionPpm: 0,
  takerCommissionPpm: 500,
  positionLimit: '0',
}
const futures: ListingGrid = { ...shared, kind: 'future', maxPrice: '12' }
const options: ListingGrid = {
  ...shared,
  kind: 'option',
  strikes: { step: '0.5', count: 1 },
  exercise: 'european',
}

test('a grid names futures, and a call and a put of each strike on them', () => {
  expect(contractsOfGrid(futures, wednesday, undefined)).toMatchObject([
    {
      kind: 'future',
      expirationMillis: Date.UTC(2026, 9, 30, 8),
      maxPrice: '12',
      terms: { kind: 'future', averagingStartMillis: Date.UTC(2026, 9, 1) },
    },
    { expirationMillis: Date.UTC(2026, 10, 27, 8) },
  ])
  expect(contractsOfGrid(options, wednesday, undefined)).toEqual([])
  const named = contractsOfGrid(options, wednesday, '2.56')
  expect(named).toHaveLength(12)
  expect(named[0]).toMatchObject({
    kind: 'option',
    terms: { optionType: 'call', strike: '2', underlyingInstrument: 'H100.USE-30OCT26', index: 'H100.USE' },
  })
  expect(named[11]).toMatchObject({
    terms: { optionType: 'put', strike: '3', underlyingInstrument: 'H100.USE-27NOV26' },
  })
})
