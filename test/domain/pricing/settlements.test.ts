import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { accuracySettlementMicros, attestedAccuracy } from '#domain/pricing/accuracy-contract.ts'
import {
  downtimeSeconds,
  serviceCreditPartsPerMillion,
  uptimeOfWindows,
  uptimeSwapSettlementMicros,
} from '#domain/pricing/availability.ts'
import { jobContractSettlement } from '#domain/pricing/job-contract.ts'
import { latencySettlementTicks, nearestRankLatency, windowedLatency } from '#domain/pricing/latency-percentile.ts'
import { performanceBondSettlement } from '#domain/pricing/performance-bond.ts'
import { answered, refusalOf, runs } from './market-arbitraries.ts'

describe('settlements from window records', () => {
  test('downtime counts each second once', () => {
    expect(
      answered(
        downtimeSeconds(
          [
            [5, 10],
            [8, 12],
            [-5, 2],
            [98, 300],
          ],
          100,
        ),
      ),
    ).toBe(7 + 2 + 2)
    expect(refusalOf(downtimeSeconds([[10, 5]], 100))).toMatchObject({ code: 'out-of-range', field: 'outages' })
    const outage = fc.tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 0, max: 40 }))
    fc.assert(
      fc.property(fc.array(outage, { maxLength: 8 }), drawn => {
        const outages = drawn.map(([from, length]) => [from, from + length] as const)
        const seconds = Array.from({ length: 100 }, (_, second) =>
          outages.some(([from, to]) => second >= from && second < to),
        )
        expect(answered(downtimeSeconds(outages, 100))).toBe(seconds.filter(Boolean).length)
      }),
      runs,
    )
  })

  test('unknown is never up, and what one side gets the other pays', () => {
    const window = { upSeconds: 3000, degradedSeconds: 200, downSeconds: 100, unknownSeconds: 300 }
    const uptime = answered(uptimeOfWindows([window, window], 500_000))
    expect(Number(uptime.up) / Number(uptime.total)).toBeCloseTo(3100 / 3600, 12)
    const terms = { strikePartsPerMillion: 999_000, notionalMicrosPerBasisPoint: 7_000_001 }
    const received = answered(uptimeSwapSettlementMicros(terms, uptime))
    expect(received).toBe(Math.round(7_000_001 * (3100 / 3600 - 0.999) * 1e4))
    const tiers = [
      { uptimePartsPerMillion: 999_900, creditPartsPerMillion: 0 },
      { uptimePartsPerMillion: 0, creditPartsPerMillion: 1_000_000 },
    ]
    expect(answered(serviceCreditPartsPerMillion({ up: 9999n, total: 10_000n }, tiers))).toBe(0)
    expect(answered(serviceCreditPartsPerMillion({ up: 99_989n, total: 100_000n }, tiers))).toBe(1_000_000)
    expect(refusalOf(uptimeOfWindows([], 0))).toMatchObject({ code: 'too-few' })
    expect(refusalOf(uptimeOfWindows([{ ...window, upSeconds: 0.5 }], 0))).toMatchObject({ code: 'not-an-integer' })
  })

  test('latency by rank, from samples and from windows', () => {
    const samples = [5, 1, 4, 2, 3].map(millis => millis * 1_000_000)
    expect(answered(nearestRankLatency(samples, 500_000))).toBe(3_000_000)
    expect(answered(nearestRankLatency(samples, 1_000_000))).toBe(5_000_000)
    const upperNanos = [2_000_000, 4_000_000, 8_000_000]
    const windows = [
      { upperNanos, counts: [1, 1, 0] },
      { upperNanos, counts: [1, 1, 1] },
    ]
    expect(answered(windowedLatency(windows, 500_000))).toBe(4_000_000)
    expect(answered(windowedLatency(windows, 990_000))).toBe(8_000_000)
    expect(refusalOf(windowedLatency([{ upperNanos, counts: [0, 0, 0] }], 500_000))).toMatchObject({ code: 'too-few' })
    expect(answered(latencySettlementTicks(2_450_000, 100_000))).toBe(25)
  })

  test('a bond pays its penalties up to its collateral, to the micro', () => {
    fc.assert(
      fc.property(
        fc.nat(1e9),
        fc.array(fc.integer({ min: -1e8, max: 1e9 }), { maxLength: 5 }),
        (collateral, entries) => {
          const { drawnMicros, releasedMicros, shortfallMicros } = answered(
            performanceBondSettlement(collateral, entries),
          )
          expect(drawnMicros + releasedMicros).toBe(collateral)
          const net = entries.reduce((sum, entry) => sum + entry, 0)
          expect(drawnMicros + shortfallMicros).toBe(Math.max(net, 0))
        },
      ),
      runs,
    )
  })

  test('accuracy needs a quorum and pays within the cap', () => {
    expect(answered(attestedAccuracy([950_000, 910_000, 990_000, 940_000], 3))).toBe(940_000)
    expect(refusalOf(attestedAccuracy([950_000], 2))).toMatchObject({ code: 'missing-observation' })
    const terms = { benchmarkPartsPerMillion: 930_000, notionalMicrosPerBasisPoint: 1_000, capMicros: 50_000 }
    expect(answered(accuracySettlementMicros(terms, 931_000))).toBe(10_000)
    expect(answered(accuracySettlementMicros(terms, 990_000))).toBe(50_000)
    expect(answered(accuracySettlementMicros(terms, 100_000))).toBe(-50_000)
  })

  test('a job is delivered or paid', () => {
    const terms = { unitPriceMicros: 2_000_000, penaltyPartsPerMillion: 100_000 }
    const hours = [
      { contractedUnits: 10, deliveredUnits: 10, imbalancePriceMicros: 9_000_000 },
      { contractedUnits: 10, deliveredUnits: 7, imbalancePriceMicros: 2_500_000 },
      { contractedUnits: 10, deliveredUnits: 12, imbalancePriceMicros: 1_000_000 },
    ]
    expect(answered(jobContractSettlement(terms, hours))).toEqual({
      deliveredUnits: 27,
      missingUnits: 3,
      buyerPaysMicros: 54_000_000,
      sellerPaysMicros: 3 * 500_000 + 600_000,
    })
    expect(refusalOf(jobContractSettlement(terms, []))).toMatchObject({ code: 'too-few', field: 'hours' })
  })
})
