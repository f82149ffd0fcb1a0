import { decimal, micros } from '../units.ts'
import type { ContractProposal } from './contract-listing.ts'
import { monthStart, type OptionTerms } from './contract-terms.ts'
import { dayCode, instrumentNameOf } from './instrument-names.ts'

/** The rule by which the next contracts of an underlying are listed, one version of it. */
export type ListingGrid = {
  readonly underlying: string
  readonly index: string
  readonly expiries: readonly ExpiryRule[]
  readonly tickSize: string
  readonly minTradeAmount: string
  readonly contractSize: string
  readonly makerCommissionPpm: number
  readonly takerCommissionPpm: number
  readonly positionLimit: string
} & (
  | { readonly kind: 'future'; readonly maxPrice: string }
  | {
      readonly kind: 'option'
      /** `count` on each side of the one that is nearest to the index. */
      readonly strikes: { readonly step: string; readonly count: number }
      readonly exercise: OptionTerms['exercise']
    }
)

export const expiryCadences = ['day', 'friday', 'last_friday_of_month'] as const

export interface ExpiryRule {
  readonly every: (typeof expiryCadences)[number]
  readonly next: number
}

const hourMillis = 3_600_000
const dayMillis = 86_400_000
/** Contracts expire at 08:00 UTC, and none is listed in its last hour. */
const expiryMillisOfDay = 8 * hourMillis
const leastLifeMillis = hourMillis
const friday = 5

const dayStart = (millis: number): number => Math.floor(millis / dayMillis) * dayMillis

const isExpiry: Readonly<Record<ExpiryRule['every'], (dayMillis: number) => boolean>> = {
  day: () => true,
  friday: at => isFriday(at),
  last_friday_of_month: at => isFriday(at) && monthStart(at + 7 * dayMillis) !== monthStart(at),
}

const isFriday = (at: number): boolean => new Date(at).getUTCDay() === friday

/** When the next contracts of the rules expire: each once, by time. */
export const nextExpiries = (rules: readonly ExpiryRule[], nowMillis: number): readonly number[] => {
  const found = new Set<number>()
  for (const { every, next } of rules) {
    let left = next
    for (let day = dayStart(nowMillis); left > 0; day += dayMillis) {
      const at = day + expiryMillisOfDay
      if (!isExpiry[every](day) || at < nowMillis + leastLifeMillis) continue
      found.add(at)
      left -= 1
    }
  }
  return [...found].sort((one, other) => one - other)
}

/** `count` steps each way from the step that is nearest to the level, those above zero, lowest first. */
export const strikesAround = (level: string, step: string, count: number): readonly string[] => {
  const [levelMicros, stepMicros] = [micros(level), micros(step)]
  if (levelMicros === undefined || stepMicros === undefined || stepMicros === 0) return []
  const nearest = Math.floor((2 * levelMicros + stepMicros) / (2 * stepMicros))
  return Array.from({ length: 2 * count + 1 }, (_, at) => nearest - count + at)
    .filter(steps => steps > 0)
    .map(steps => decimal(steps, step))
}

/**
 * What the rule names now, nearest expiration first. Options need the index's level, and the future that they are on
 * under the name of its underlying and day; whether that is listed is not asked here.
 */
export const contractsOfGrid = (
  grid: ListingGrid,
  nowMillis: number,
  indexLevel: string | undefined,
): readonly ContractProposal[] => {
  const { underlying, index } = grid
  const shared = {
    underlying,
    tickSize: grid.tickSize,
    minTradeAmount: grid.minTradeAmount,
    contractSize: grid.contractSize,
    makerCommissionPpm: grid.makerCommissionPpm,
    takerCommissionPpm: grid.takerCommissionPpm,
    positionLimit: grid.positionLimit,
  }
  const expirations = nextExpiries(grid.expiries, nowMillis)
  if (grid.kind === 'future')
    return expirations.map(expirationMillis => ({
      ...shared,
      kind: 'future',
      expirationMillis,
      terms: { kind: 'future', index, averagingStartMillis: monthStart(expirationMillis - 1) },
      maxPrice: grid.maxPrice,
    }))
  if (indexLevel === undefined) return []
  const { strikes, exercise } = grid
  const around = strikesAround(indexLevel, strikes.step, strikes.count)
  return expirations.flatMap(expirationMillis =>
    around.flatMap(strike =>
      (['call', 'put'] as const).map(
        (optionType): ContractProposal => ({
          ...shared,
          kind: 'option',
          expirationMillis,
          terms: {
            kind: 'option',
            optionType,
            strike,
            exercise,
            underlyingInstrument: instrumentNameOf({ kind: 'future', underlying, day: dayCode(expirationMillis) }),
            index,
          },
        }),
      ),
    ),
  )
}
