import { type ArbitragePolicyRow, getArbitragePolicy, wholeTenant } from '#adapters/tables/arbitrage-policies.ts'
import { arbitrageVenues } from '#domain/partners/arbitrage.ts'
import { type ArbitragePolicy, narrowed } from '#domain/partners/arbitrage-policy.ts'
import { decimalOfMicros, micros } from '#domain/units.ts'
import type { ArbitragePolicyTerms } from '#protocol/operations/arbitrage.ts'

/** As the exchange comes: nothing is done by itself; what is assumed is declared here, and each account may say otherwise. */
export const usualArbitragePolicy: ArbitragePolicy = {
  mode: 'off',
  venues: arbitrageVenues,
  maxMicroHours: 10_000_000_000,
  maxOutlayMicros: 100_000_000_000,
  maxDailyOutlayMicros: 500_000_000_000,
  maxDailyLossMicros: 1_000_000_000,
  maxDailyExecutions: 100,
  minimumNetMicros: 1_000_000,
  minimumReturnPpm: 1_000,
  unwindSlippagePpm: 50_000,
  assumptions: { preemptionPpm: 50_000, lockInRecoveryPpm: 0, fundingPpmPerYear: 80_000, marginPpm: 200_000 },
  regions: [],
}

export interface AppliedPolicy {
  readonly row: ArbitragePolicyRow | undefined
  /** The account's own, as it was set. */
  readonly own: ArbitragePolicy
  /** Within what the tenant allows. */
  readonly effective: ArbitragePolicy
}

export const policyOfTenant = async (): Promise<{
  readonly row: ArbitragePolicyRow | undefined
  readonly policy: ArbitragePolicy
}> => {
  const row = await getArbitragePolicy(wholeTenant)
  return { row, policy: row?.policy ?? usualArbitragePolicy }
}

export const policyOf = async (account: string): Promise<AppliedPolicy> => {
  const [row, tenant] = await Promise.all([getArbitragePolicy(account), policyOfTenant()])
  const own = row?.policy ?? usualArbitragePolicy
  return { row, own, effective: narrowed(own, tenant.policy) }
}

export const termsOfPolicy = (policy: ArbitragePolicy): ArbitragePolicyTerms => ({
  mode: policy.mode,
  venues: [...policy.venues],
  max_unit_hours: decimalOfMicros(policy.maxMicroHours),
  max_outlay: decimalOfMicros(policy.maxOutlayMicros),
  max_daily_outlay: decimalOfMicros(policy.maxDailyOutlayMicros),
  max_daily_loss: decimalOfMicros(policy.maxDailyLossMicros),
  max_daily_executions: policy.maxDailyExecutions,
  minimum_net: decimalOfMicros(policy.minimumNetMicros),
  minimum_return_ppm: policy.minimumReturnPpm,
  unwind_slippage_ppm: policy.unwindSlippagePpm,
  preemption_ppm: policy.assumptions.preemptionPpm,
  lock_in_recovery_ppm: policy.assumptions.lockInRecoveryPpm,
  funding_ppm_per_year: policy.assumptions.fundingPpmPerYear,
  margin_ppm: policy.assumptions.marginPpm,
  regions: policy.regions.map(({ region, partnerRegions }) => ({ region, partner_regions: [...partnerRegions] })),
})

export const policyOfTerms = (terms: ArbitragePolicyTerms): ArbitragePolicy => ({
  mode: terms.mode,
  venues: [...new Set(terms.venues)],
  maxMicroHours: microsOf(terms.max_unit_hours),
  maxOutlayMicros: microsOf(terms.max_outlay),
  maxDailyOutlayMicros: microsOf(terms.max_daily_outlay),
  maxDailyLossMicros: microsOf(terms.max_daily_loss),
  maxDailyExecutions: terms.max_daily_executions,
  minimumNetMicros: microsOf(terms.minimum_net),
  minimumReturnPpm: terms.minimum_return_ppm,
  unwindSlippagePpm: terms.unwind_slippage_ppm,
  assumptions: {
    preemptionPpm: terms.preemption_ppm,
    lockInRecoveryPpm: terms.lock_in_recovery_ppm,
    fundingPpmPerYear: terms.funding_ppm_per_year,
    marginPpm: terms.margin_ppm,
  },
  regions: terms.regions.map(({ region, partner_regions }) => ({ region, partnerRegions: partner_regions })),
})

/** The schema has seen to it that it is a number of micros. */
const microsOf = (text: string): number => {
  const count = micros(text)
  if (count === undefined) throw new Error(`${text} is no whole number of micros`)
  return count
}
