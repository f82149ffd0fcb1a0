import { describe, expect, test } from '@jest/globals'
import {
  type ArbitragePolicy,
  type ArbitrageUsage,
  limitsOfCash,
  limitsOfPolicy,
  narrowed,
  refusalsOf,
} from '#domain/partners/arbitrage-policy.ts'
import { executionRow } from '#test/support/arbitrage-rows.ts'

const { opportunity } = executionRow()
const policy: ArbitragePolicy = {
  mode: 'live',
  venues: ['futures'],
  maxMicroHours: 10_000_000,
  maxOutlayMicros: 5_000_000,
  maxDailyOutlayMicros: 5_000_000,
  maxDailyLossMicros: 1_000_000,
  maxDailyExecutions: 2,
  minimumNetMicros: 1_000_000,
  minimumReturnPpm: 100_000,
  unwindSlippagePpm: 50_000,
  assumptions: { preemptionPpm: 1, lockInRecoveryPpm: 2, fundingPpmPerYear: 3, marginPpm: 4 },
  regions: [],
}
const unused: ArbitrageUsage = { outlayMicros: 0, lossMicros: 0, executions: 0 }

describe('a policy', () => {
  test('lets through what keeps all its rules', () => {
    expect(refusalsOf(opportunity, policy, unused)).toEqual([])
  })

  test.each([
    ['venue-not-allowed', { venues: ['contract' as const] }, unused],
    ['size-above-limit', { maxMicroHours: 3_999_999 }, unused],
    ['outlay-above-limit', { maxOutlayMicros: 3_207_999 }, unused],
    ['net-below-minimum', { minimumNetMicros: 1_992_001 }, unused],
    ['return-below-minimum', { minimumReturnPpm: 620_949 }, unused],
    ['daily-executions-reached', {}, { ...unused, executions: 2 }],
    ['daily-outlay-reached', {}, { ...unused, outlayMicros: 1_792_001 }],
    ['daily-loss-reached', {}, { ...unused, lossMicros: 1_000_000 }],
  ])('refuses by %s what breaks that alone, at its very edge', (refusal, change, usage) => {
    expect(refusalsOf(opportunity, { ...policy, ...change }, usage)).toEqual([refusal])
  })

  test('never executes what only tells a price', () => {
    expect(refusalsOf({ ...opportunity, isExecutable: false }, policy, unused)).toEqual(['not-executable'])
  })

  test('is narrowed by the tenant’s in each respect, and keeps its own assumptions', () => {
    const tenant: ArbitragePolicy = {
      ...policy,
      mode: 'dry_run',
      venues: ['spot'],
      maxOutlayMicros: 1,
      minimumNetMicros: 2_000_000,
      assumptions: { preemptionPpm: 9, lockInRecoveryPpm: 9, fundingPpmPerYear: 9, marginPpm: 9 },
    }
    expect(narrowed(policy, tenant)).toEqual({
      ...policy,
      mode: 'dry_run',
      venues: [],
      maxOutlayMicros: 1,
      minimumNetMicros: 2_000_000,
    })
    expect(narrowed(tenant, policy).mode).toBe('dry_run')
    expect(narrowed({ ...policy, mode: 'off' }, policy).mode).toBe('off')
  })

  test('looks for sizes within its limits and the account’s cash', () => {
    expect(limitsOfPolicy(policy, 1_000).outlayMicros).toBe(1_000)
    expect(limitsOfPolicy(policy, 9_000_000)).toMatchObject({ outlayMicros: 5_000_000, microHours: 10_000_000 })
    expect(limitsOfCash(7).outlayMicros).toBe(7)
  })
})
