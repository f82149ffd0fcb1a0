import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import {
  type BacktestTerms,
  backtest,
  type backtestStrategies,
  type PricePoint,
  screenedPoints,
} from '#domain/partners/arbitrage-backtest.ts'
import type { ListedPrice } from '#domain/partners/catalogue-file.ts'

const free: BacktestTerms = {
  discountPpm: 100_000,
  feePpm: 0,
  preemptionPpm: 0,
  utilisationPpm: 1_000_000,
  fundingPpmPerYear: 0,
  minimumNetPpm: 0,
}
const costly: BacktestTerms = {
  discountPpm: 150_000,
  feePpm: 500,
  preemptionPpm: 20_000,
  utilisationPpm: 850_000,
  fundingPpmPerYear: 80_000,
  minimumNetPpm: 10_000,
}

const point = (atMillis: number, more: Partial<PricePoint> = {}): PricePoint => ({
  product: 'a2',
  region: 'us',
  atMillis,
  onDemandMicros: 1_000_000,
  spotMicros: 400_000,
  commitment1yMicros: 600_000,
  commitment3yMicros: 450_000,
  ...more,
})

const of = (points: readonly PricePoint[], terms: BacktestTerms, strategy: (typeof backtestStrategies)[number]) => {
  const found = backtest(points, terms).strategies.find(each => each.strategy === strategy)
  if (found === undefined) throw new Error('no such strategy')
  return found
}

const january = Date.UTC(2024, 0)
const [hoursOfJanuary, hoursOfFebruary] = [31 * 24, 29 * 24]

describe('a month', () => {
  test('is sold ahead at the list price of its beginning, and supplied at the prices that came', () => {
    const changed = Date.UTC(2024, 0, 11)
    const points = [point(january), point(changed, { spotMicros: 700_000 }), point(Date.UTC(2024, 1))]
    const { months, total } = of(points, free, 'spot')
    const expected = 744 * 900_000 - 240 * 400_000 - 504 * 700_000
    expect(months).toEqual([{ atMillis: january, netMicros: expected, cumulativeMicros: expected }])
    expect(total.netMicros).toBe(expected)
  })

  test('that is not over is none', () => {
    expect(backtest([point(january), point(Date.UTC(2024, 0, 31))], free).strategies[0]?.months).toEqual([])
    expect(backtest([], free).products).toBe(0)
  })

  test('of spot is charged with preemption at the price on demand', () => {
    const { total } = of([point(january), point(Date.UTC(2024, 1))], { ...free, preemptionPpm: 10_000 }, 'spot')
    expect(total.preemptionMicros).toBe(hoursOfJanuary * 10_000)
    expect(total.netMicros).toBe(hoursOfJanuary * (900_000 - 400_000 - 10_000))
  })

  test('on demand is the control: it loses the discount', () => {
    const { total } = of([point(january), point(Date.UTC(2024, 1))], free, 'on_demand')
    expect(total.netMicros).toBe(-hoursOfJanuary * 100_000)
  })
})

describe('a commitment', () => {
  test('is kept to its end when the list price falls below it', () => {
    const points = [
      point(january),
      point(Date.UTC(2024, 0, 15), { onDemandMicros: 500_000 }),
      point(Date.UTC(2024, 2)),
      point(Date.UTC(2025, 1)),
    ]
    const { months, losingProductMonths, decisions } = of(points, free, 'commitment_1y')
    expect(months[0]?.netMicros).toBe(hoursOfJanuary * 300_000)
    expect(months[1]?.netMicros).toBe(hoursOfFebruary * (450_000 - 600_000))
    expect(losingProductMonths).toBe(1)
    // After twelve months it decides again.
    expect(decisions).toBe(2)
  })

  test('is charged with hours that nobody buys', () => {
    const { total } = of(
      [point(january), point(Date.UTC(2024, 1))],
      { ...free, utilisationPpm: 750_000 },
      'commitment_1y',
    )
    expect(total.unitHours).toBe(hoursOfJanuary * 0.75)
    expect(total.lockInMicros).toBe(hoursOfJanuary * 0.25 * 600_000)
  })

  test('that the history does not see the end of counts as a loss where it is one, and as nothing where it gains', () => {
    const gains = of([point(january), point(Date.UTC(2024, 1))], free, 'commitment_1y')
    expect(gains.openLossMicros).toBe(0)
    expect(gains.openProductMonths).toBe(11)
    expect(gains.openGainMicros).toBe((8_784 - hoursOfJanuary) * 300_000)
    expect(gains.total.netMicros).toBe(hoursOfJanuary * 300_000)
    const loses = of([point(january), point(Date.UTC(2024, 1), { onDemandMicros: 500_000 })], free, 'commitment_1y')
    expect(loses.openLossMicros).toBe((8_784 - hoursOfJanuary) * 150_000)
    expect(loses.total.netMicros).toBe(hoursOfJanuary * 300_000 - loses.openLossMicros)
  })
})

const arbitraryPoint: fc.Arbitrary<PricePoint> = fc.record({
  product: fc.constantFrom('a2', 'g2'),
  region: fc.constantFrom('us', 'eu'),
  atMillis: fc.integer({ min: 0, max: 40 * 30 }).map(day => Date.UTC(2022, 0, 1 + day)),
  onDemandMicros: fc.option(fc.integer({ min: 1, max: 2_000_000 }), { nil: null, freq: 10 }),
  spotMicros: fc.option(fc.integer({ min: 1, max: 2_000_000 }), { nil: null }),
  commitment1yMicros: fc.option(fc.integer({ min: 1, max: 2_000_000 }), { nil: null }),
  commitment3yMicros: fc.option(fc.integer({ min: 1, max: 2_000_000 }), { nil: null }),
})

describe('whatever the history', () => {
  test('what happens after an instant changes no decision made by then: there is no look-ahead', () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryPoint, { minLength: 1, maxLength: 25 }),
        fc.array(arbitraryPoint, { maxLength: 25 }),
        fc.integer({ min: 0, max: 40 * 30 }),
        (points, others, day) => {
          const cut = Date.UTC(2022, 0, 1 + day)
          const past = points.filter(({ atMillis }) => atMillis <= cut)
          // The same end, so that as many months are looked at; all prices in between are others.
          const end = point(Date.UTC(2026, 0), { onDemandMicros: 1 })
          const made = (future: readonly PricePoint[]) =>
            backtest([...past, ...future.filter(({ atMillis }) => atMillis > cut), end], costly).decisions.filter(
              ({ atMillis }) => atMillis <= cut,
            )
          expect(made(others)).toEqual(made(points))
        },
      ),
    )
  })

  test('what is left is revenue less all that it cost, month by month', () => {
    fc.assert(
      fc.property(fc.array(arbitraryPoint, { maxLength: 20 }), points => {
        for (const { total, months, openLossMicros, productMonths, losingProductMonths } of backtest(points, costly)
          .strategies) {
          const { revenueMicros, supplyMicros, feeMicros, lockInMicros, preemptionMicros, fundingMicros } = total
          expect(total.netMicros).toBe(
            revenueMicros - supplyMicros - feeMicros - lockInMicros - preemptionMicros - fundingMicros,
          )
          expect(Number.isSafeInteger(total.netMicros)).toBe(true)
          expect(total.netMicros).toBe((months.at(-1)?.cumulativeMicros ?? 0) - openLossMicros)
          expect(losingProductMonths).toBeLessThanOrEqual(productMonths)
        }
      }),
      { numRuns: 50 },
    )
  })
})

describe('screening of a dated list', () => {
  const listed = (day: number, micros: number, line: number): ListedPrice => ({
    line,
    product: 'a2-highgpu-1g',
    resourceClass: 'A100-40GB',
    region: `r${line}`,
    vector: { gpus: 1, vcpus: 12, memoryGib: 85, storageTib: 0 },
    dayMillis: day * 86_400_000,
    pricing: 'on_demand',
    text: String(micros),
    micros,
  })
  const usual = Array.from({ length: 6 }, (_, index) => listed(1, 3_650_000, index + 1))

  test('keeps out what is far from all that was listed by then', () => {
    const { points, screened } = screenedPoints([...usual, listed(2, 400_000, 7), listed(2, 3_700_000, 8)])
    expect(screened.map(({ line }) => line)).toEqual([7])
    expect(points).toHaveLength(7)
  })

  test('lets no later price decide about an earlier one', () => {
    const later = Array.from({ length: 30 }, (_, index) => listed(3, 400_000, index + 20))
    const early = (prices: readonly ListedPrice[]) =>
      screenedPoints(prices).points.filter(({ atMillis }) => atMillis <= 2 * 86_400_000)
    const first = [...usual, listed(2, 400_000, 7)]
    expect(early([...first, ...later])).toEqual(early(first))
  })
})
