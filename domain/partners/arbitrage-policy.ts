import type { ArbitrageLimits, ArbitrageVenue, Opportunity } from './arbitrage.ts'
import type { ArbitrageAssumptions } from './arbitrage-quotes.ts'

/** What the engine may do by itself: nothing, say what it would do, do it. Each may less than the next. */
export const arbitrageModes = ['off', 'dry_run', 'live'] as const
export type ArbitrageMode = (typeof arbitrageModes)[number]

/** What partners call a region of the exchange: capacity in any of these is the product of that region. */
export interface RegionNames {
  readonly region: string
  readonly partnerRegions: readonly string[]
}

export interface ArbitragePolicy {
  readonly mode: ArbitrageMode
  /** Of both legs. */
  readonly venues: readonly ArbitrageVenue[]
  /** Of one execution. */
  readonly maxMicroHours: number
  readonly maxOutlayMicros: number
  /** Of the last 24 hours. */
  readonly maxDailyOutlayMicros: number
  readonly maxDailyLossMicros: number
  readonly maxDailyExecutions: number
  readonly minimumNetMicros: number
  /** Of the outlay. */
  readonly minimumReturnPpm: number
  /** How far from its price a filled leg is traded back at most, where the other fails. */
  readonly unwindSlippagePpm: number
  readonly assumptions: ArbitrageAssumptions
  readonly regions: readonly RegionNames[]
}

/** What the last 24 hours have used of the limits of a day. */
export interface ArbitrageUsage {
  readonly outlayMicros: number
  readonly lossMicros: number
  readonly executions: number
}

export const arbitrageRefusals = [
  'not-executable',
  'venue-not-allowed',
  'size-above-limit',
  'outlay-above-limit',
  'net-below-minimum',
  'return-below-minimum',
  'daily-executions-reached',
  'daily-outlay-reached',
  'daily-loss-reached',
] as const
export type ArbitrageRefusal = (typeof arbitrageRefusals)[number]

/** What a person looks for: bounded by nothing but the account's cash. */
export const limitsOfCash = (cashMicros: number): ArbitrageLimits => ({
  outlayMicros: cashMicros,
  microHours: Number.MAX_SAFE_INTEGER,
  minimumNetMicros: 1,
})

/** Within what sizes are looked for: what would be refused for its size is found at one that is not. */
export const limitsOfPolicy = (policy: ArbitragePolicy, cashMicros: number): ArbitrageLimits => ({
  outlayMicros: Math.max(0, Math.min(policy.maxOutlayMicros, cashMicros)),
  microHours: policy.maxMicroHours,
  minimumNetMicros: 1,
})

/** All rules that an opportunity breaks; none: it may be executed. */
export const refusalsOf = (
  opportunity: Opportunity,
  policy: ArbitragePolicy,
  usage: ArbitrageUsage,
): readonly ArbitrageRefusal[] => {
  const { buy, sell, microHours, netMicros, outlayMicros, isExecutable } = opportunity
  const minimumReturn = (BigInt(outlayMicros) * BigInt(policy.minimumReturnPpm) + 999_999n) / 1_000_000n
  const broken: Readonly<Record<ArbitrageRefusal, boolean>> = {
    'not-executable': !isExecutable,
    'venue-not-allowed': !policy.venues.includes(buy.venue) || !policy.venues.includes(sell.venue),
    'size-above-limit': microHours > policy.maxMicroHours,
    'outlay-above-limit': outlayMicros > policy.maxOutlayMicros,
    'net-below-minimum': netMicros < policy.minimumNetMicros,
    'return-below-minimum': BigInt(netMicros) < minimumReturn,
    'daily-executions-reached': usage.executions >= policy.maxDailyExecutions,
    'daily-outlay-reached': outlayMicros > policy.maxDailyOutlayMicros - usage.outlayMicros,
    'daily-loss-reached': usage.lossMicros > 0 && usage.lossMicros >= policy.maxDailyLossMicros,
  }
  return arbitrageRefusals.filter(each => broken[each])
}

/** What an account may within what its tenant may: the narrower of both in each respect, the account's own assumptions. */
export const narrowed = (own: ArbitragePolicy, tenant: ArbitragePolicy): ArbitragePolicy => ({
  ...own,
  mode: arbitrageModes[Math.min(arbitrageModes.indexOf(own.mode), arbitrageModes.indexOf(tenant.mode))] ?? 'off',
  venues: own.venues.filter(venue => tenant.venues.includes(venue)),
  maxMicroHours: Math.min(own.maxMicroHours, tenant.maxMicroHours),
  maxOutlayMicros: Math.min(own.maxOutlayMicros, tenant.maxOutlayMicros),
  maxDailyOutlayMicros: Math.min(own.maxDailyOutlayMicros, tenant.maxDailyOutlayMicros),
  maxDailyLossMicros: Math.min(own.maxDailyLossMicros, tenant.maxDailyLossMicros),
  maxDailyExecutions: Math.min(own.maxDailyExecutions, tenant.maxDailyExecutions),
  minimumNetMicros: Math.max(own.minimumNetMicros, tenant.minimumNetMicros),
  minimumReturnPpm: Math.max(own.minimumReturnPpm, tenant.minimumReturnPpm),
  unwindSlippagePpm: Math.min(own.unwindSlippagePpm, tenant.unwindSlippagePpm),
})
