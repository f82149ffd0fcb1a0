import {
  type CreditTier,
  roundedRatio,
  serviceCreditPartsPerMillion,
  type Uptime,
  uptimeOfWindows,
} from '../pricing/availability.ts'
import { type Priced, priced } from '../pricing/priced.ts'
import type { SlaWindow } from './readings.ts'
import type { PromisedTier, SlaContract } from './sla-contract.ts'

/** Unit-seconds of all windows of a contract's month. */
export interface MonthTotals {
  readonly windows: number
  readonly upSeconds: number
  readonly degradedSeconds: number
  readonly downSeconds: number
  readonly unknownSeconds: number
}

export const noWindows: MonthTotals = {
  windows: 0,
  upSeconds: 0,
  degradedSeconds: 0,
  downSeconds: 0,
  unknownSeconds: 0,
}

/** With the window in the place of the one that was there before it. */
export const totalsWith = (totals: MonthTotals, window: SlaWindow, before: SlaWindow | undefined): MonthTotals => ({
  windows: totals.windows + (before === undefined ? 1 : 0),
  upSeconds: totals.upSeconds + window.upSeconds - (before?.upSeconds ?? 0),
  degradedSeconds: totals.degradedSeconds + window.degradedSeconds - (before?.degradedSeconds ?? 0),
  downSeconds: totals.downSeconds + window.downSeconds - (before?.downSeconds ?? 0),
  unknownSeconds: totals.unknownSeconds + window.unknownSeconds - (before?.unknownSeconds ?? 0),
})

export interface Assessment {
  readonly uptime: Uptime
  readonly isBreached: boolean
  /** Of the month's fee. */
  readonly creditPpm: number
  readonly penaltyMicros: number
}

/**
 * What a month's windows make due: uptime is (up + degraded × weight) of all unit-seconds, unknown ones among them; the
 * credit is that of the lowest tier that it lies below; the penalty is rounded once, to micros, halves up.
 */
export const assess = (
  contract: Pick<SlaContract, 'feeMicros' | 'tiers' | 'degradedWeightPpm'>,
  totals: MonthTotals,
): Priced<Assessment> => {
  const uptime = uptimeOfWindows([totals], contract.degradedWeightPpm)
  if (!uptime.priced) return uptime
  const credit = serviceCreditPartsPerMillion(uptime.value, reachedTiers(contract.tiers))
  if (!credit.priced) return credit
  const penalty = roundedRatio(BigInt(contract.feeMicros) * BigInt(credit.value), 1_000_000n)
  if (!penalty.priced) return penalty
  return priced({
    uptime: uptime.value,
    isBreached: credit.value > 0,
    creditPpm: credit.value,
    penaltyMicros: penalty.value,
  })
}

/** "Below 99 %: 30 %" said the other way: 30 % from the next lower threshold on. */
const reachedTiers = (tiers: readonly PromisedTier[]): readonly CreditTier[] => [
  { uptimePartsPerMillion: tiers[0]?.belowUptimePpm ?? 0, creditPartsPerMillion: 0 },
  ...tiers.map(({ creditPpm }, at) => ({
    uptimePartsPerMillion: tiers[at + 1]?.belowUptimePpm ?? 0,
    creditPartsPerMillion: creditPpm,
  })),
]

const percentDigits = 6

/** Percent with six digits, rounded down: never told as more than it was. */
export const uptimePercent = ({ up, total }: Uptime): string => {
  const scaled = (up * 100n * 10n ** BigInt(percentDigits)) / total
  const text = String(scaled).padStart(percentDigits + 1, '0')
  const fraction = text.slice(-percentDigits).replace(/0+$/, '')
  return fraction === '' ? text.slice(0, -percentDigits) : `${text.slice(0, -percentDigits)}.${fraction}`
}

/** The one metric that is promised so far. */
export const breachMetric = 'uptime'

/** The same for whoever finds it, however often: contract, window, metric, version. */
export const breachId = (contractId: string, month: string, version: number): string =>
  `${contractId}:${month}:${breachMetric}:${version}`
