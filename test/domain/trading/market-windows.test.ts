import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  LaneWindows,
  type MarketWindow,
  mostClosedOfEvent,
  squaredReturn,
  type WindowResolution,
  windowLatenessMillis,
  windowMillis,
  windowResolutions,
  windowStart,
  windowsPerYear,
} from '#domain/trading/market-windows.ts'
import { NaiveWindows, type PrintedTrade } from '#test/support/naive-windows.ts'

const evening = Date.UTC(2026, 6, 21, 22, 50)

/** Seconds until the next trade, its price and size, and which of the last trades is reversed after it, if any. */
const steps = fc.array(
  fc.record({
    afterMillis: fc.oneof(fc.integer({ min: 0, max: 40_000 }), fc.integer({ min: 0, max: 2_400_000 })),
    ticks: fc.integer({ min: 90, max: 110 }),
    lots: fc.integer({ min: 1, max: 9 }),
    direction: fc.constantFrom('buy' as const, 'sell' as const),
    isAuction: fc.boolean(),
    bustsBack: fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined }),
    bustAfterMillis: fc.integer({ min: 0, max: 200_000 }),
  }),
  { minLength: 1, maxLength: 40 },
)

const stored = (windows: ReadonlyMap<string, MarketWindow>, resolution: WindowResolution) =>
  [...windows]
    .filter(([key]) => key.startsWith(`${resolution}#`))
    .map(([, { previousTicks: _, ...window }]) => window)
    .sort((a, b) => a.startMillis - b.startMillis)

const left = (trades: readonly PrintedTrade[], atMillis: number) =>
  trades
    .filter(trade => !trade.busted && windowStart('1m', trade.atMillis) === windowStart('1m', atMillis))
    .map(({ ticks, lots, direction, isAuction }) => ({ priceTicks: ticks, quantityLots: lots, direction, isAuction }))

describe('windows of a market', () => {
  test('are those of a computation from nothing, with trades reversed before and after closing', () => {
    fc.assert(
      fc.property(steps, fc.boolean(), (steps, forgets) => {
        const naive = new NaiveWindows()
        let lane = new LaneWindows()
        const table = new Map<string, MarketWindow>()
        let atMillis = evening
        const store = (changed: ReturnType<LaneWindows['trade']>) => {
          for (const { resolution, window } of changed) table.set(`${resolution}#${window.startMillis}`, window)
        }
        const move = (millis: number) => {
          atMillis += millis
          for (const { resolution, startMillis } of lane.advance(atMillis)) {
            const window = table.get(`${resolution}#${startMillis}`)
            if (window !== undefined) table.set(`${resolution}#${startMillis}`, { ...window, state: 'closed' })
          }
        }
        /** As a process that has just begun: it knows what it reads. */
        const reread = (from: number | undefined) => {
          const open = lane.openOf(1)
          lane = new LaneWindows()
          lane.knowOpen(open)
          for (const resolution of windowResolutions) {
            const windows = [...table].filter(([key]) => key.startsWith(`${resolution}#`)).map(([, window]) => window)
            const latest = Math.max(...windows.map(({ startMillis }) => startMillis))
            const needed = from === undefined ? latest : windowStart(resolution === '1m' ? '1h' : '1d', from)
            for (const window of windows)
              if (window.startMillis >= needed || window.startMillis === latest) lane.know(1, resolution, window)
          }
        }
        for (const { afterMillis, ticks, lots, direction, isAuction, bustsBack, bustAfterMillis } of steps) {
          if (forgets && table.size > 0) reread(undefined)
          move(afterMillis)
          naive.trade({ atMillis, ticks, lots, direction, isAuction })
          store(lane.trade(1, atMillis, { priceTicks: ticks, quantityLots: lots, direction, isAuction }))
          const chosen = bustsBack === undefined ? undefined : naive.trades.at(-1 - bustsBack)
          if (chosen === undefined || chosen.busted) continue
          if (forgets) reread(chosen.atMillis)
          move(bustAfterMillis)
          naive.bust(chosen, atMillis)
          store(lane.bust(1, chosen.atMillis, left(naive.trades, chosen.atMillis)))
        }
        for (const resolution of windowResolutions) {
          const expected = naive.windows(resolution, atMillis)
          const found = stored(table, resolution)
          const plain = ({ squaredReturns: _, ...window }: (typeof expected)[number]) => window
          expect(found.map(plain)).toEqual(expected.map(plain))
          for (const [index, { squaredReturns }] of found.entries())
            expect(Math.abs(Number(squaredReturns - (expected[index]?.squaredReturns ?? 0n)))).toBeLessThan(2_000)
        }
        // Hours and days are the sums of their minutes to the last digit.
        for (const resolution of ['1h', '1d'] as const)
          for (const window of stored(table, resolution))
            expect(window.squaredReturns).toBe(
              stored(table, '1m')
                .filter(({ startMillis }) => windowStart(resolution, startMillis) === window.startMillis)
                .reduce((sum, { squaredReturns }) => sum + squaredReturns, 0n),
            )
      }),
      { numRuns: 150 },
    )
  })

  test('a closed window that loses all of its trades stays as a version without any', () => {
    const lane = new LaneWindows()
    lane.trade(1, evening, { priceTicks: 100, quantityLots: 2, direction: 'buy', isAuction: false })
    lane.advance(evening + windowMillis['1d'] + windowMillis['1h'])
    const changed = lane.bust(1, evening, [])
    expect(changed.map(({ resolution, window }) => [resolution, window.trades, window.state, window.version])).toEqual([
      ['1m', 0, 'closed', 2],
      ['1h', 0, 'closed', 2],
      ['1d', 0, 'closed', 2],
    ])
    expect(lane.bust(1, evening + windowMillis['1h'], [])).toEqual([])
  })

  test('are closed at the watermark and not before, and so many with one event', () => {
    const lane = new LaneWindows()
    const markets = mostClosedOfEvent + 5
    for (let instrumentId = markets; instrumentId >= 1; instrumentId -= 1)
      lane.trade(instrumentId, evening, { priceTicks: 100, quantityLots: 1, direction: 'sell', isAuction: false })
    const closing = windowStart('1m', evening) + windowMillis['1m'] + windowLatenessMillis
    expect(lane.advance(closing - 1)).toEqual([])
    const first = lane.advance(closing)
    expect(first.map(({ instrumentId }) => instrumentId)).toEqual(
      Array.from({ length: mostClosedOfEvent }, (_, i) => i + 1),
    )
    expect(lane.advance(closing).length).toBe(5)
    expect(lane.advance(closing)).toEqual([])
    expect(lane.openOf(1).map(({ resolution }) => resolution)).toEqual(['1h', '1d'])
  })

  test('a return is squared to 18 digits, also of the smallest move and the largest', () => {
    expect(squaredReturn(100, 100)).toBe(0n)
    expect(squaredReturn(0, 100)).toBe(0n)
    // By 50-digit arithmetic: 99009084087508.67 parts.
    expect(squaredReturn(100, 101)).toBe(99_009_084_087_509n)
    expect(squaredReturn(1_000_000, 1_000_001)).toBe(999_999n)
    expect(Number(squaredReturn(1, 2_147_483_647)) / 1e18).toBeCloseTo(Math.log(2_147_483_647) ** 2, 9)
    expect(windowResolutions.map(windowsPerYear)).toEqual([525_600, 8_760, 365])
  })
})
