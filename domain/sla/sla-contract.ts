import { windowMillis } from './readings.ts'

/** Below so much uptime in a month so much of its fee is credited. */
export interface PromisedTier {
  readonly belowUptimePpm: number
  readonly creditPpm: number
}

/** What a provider promises a buyer of a service. */
export interface SlaContract {
  readonly contractId: string
  /** Whose readings tell what was delivered. */
  readonly series: string
  readonly quantity: number
  /** For each calendar month, or part of one, of the period. */
  readonly feeMicros: number
  /** From the highest uptime to the lowest; credits grow. */
  readonly tiers: readonly PromisedTier[]
  /** What degraded time counts as up. */
  readonly degradedWeightPpm: number
  /** Whole minutes. */
  readonly periodStartMillis: number
  readonly periodEndMillis: number
  readonly providerAccount: string
  readonly buyerAccount: string
}

export const defaultTiers: readonly PromisedTier[] = [
  { belowUptimePpm: 999_900, creditPpm: 100_000 },
  { belowUptimePpm: 990_000, creditPpm: 300_000 },
  { belowUptimePpm: 950_000, creditPpm: 1_000_000 },
]

/** The index of the first tier that is not below the one before it, or whose credit is not above. */
export const tierOutOfOrder = (tiers: readonly PromisedTier[]): number | undefined => {
  const at = tiers.findIndex((tier, index) => {
    const before = tiers[index - 1]
    return before !== undefined && (tier.belowUptimePpm >= before.belowUptimePpm || tier.creditPpm <= before.creditPpm)
  })
  return at < 0 ? undefined : at
}

/** `2026-11`, by UTC. */
export const monthOf = (millis: number): string => new Date(millis).toISOString().slice(0, 7)

const beginningOf = (month: string): number => Date.parse(`${month}-01T00:00:00.000Z`)

const followingMonth = (month: string): string => {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return new Date(Date.UTC(year, number, 1)).toISOString().slice(0, 7)
}

export interface ContractMonth {
  readonly month: string
  /** What of the month lies in the contract's period. */
  readonly fromMillis: number
  readonly toMillis: number
}

type Period = Pick<SlaContract, 'periodStartMillis' | 'periodEndMillis'>

export const contractMonth = ({ periodStartMillis, periodEndMillis }: Period, month: string): ContractMonth => ({
  month,
  fromMillis: Math.max(periodStartMillis, beginningOf(month)),
  toMillis: Math.min(periodEndMillis, beginningOf(followingMonth(month))),
})

/** Those that have begun before an instant, in order. */
export const contractMonths = (contract: Period, beforeMillis: number): readonly ContractMonth[] => {
  const months: ContractMonth[] = []
  const end = Math.min(contract.periodEndMillis, beforeMillis)
  let month = monthOf(contract.periodStartMillis)
  while (contractMonth(contract, month).fromMillis < end) {
    months.push(contractMonth(contract, month))
    month = followingMonth(month)
  }
  return months
}

/** The month's last window carries its penalty, all others none: a bond that settles on the windows adds them up. */
export const isLastOfMonth = (contract: Period, startMillis: number): boolean =>
  startMillis + windowMillis === contractMonth(contract, monthOf(startMillis)).toMillis
