import { hourMillis } from './catalogue.ts'

/** What becomes of a unit of a lot in an hour: to be had, promised, handed over, or gone by unused. */
export const unitStates = ['available', 'reserved', 'delivered', 'expired'] as const

/** Of one hour; their sum is what the lot has in each. */
export interface HourUnits {
  readonly hourMillis: number
  readonly available: number
  readonly reserved: number
  readonly delivered: number
  readonly expired: number
}

/** Whole hours since 1970, the last excluded. */
export interface HourWindow {
  readonly fromMillis: number
  readonly untilMillis: number
}

export const hoursIn = ({ fromMillis, untilMillis }: HourWindow): number => (untilMillis - fromMillis) / hourMillis

/**
 * As it stands now: of an hour that is over what was to be had has expired, and what was promised was delivered: whoever had it
 * used it, or could have. Nothing is written when an hour ends.
 */
export const standingAt = (hour: HourUnits, nowMillis: number): HourUnits => {
  const { available, reserved, delivered, expired } = hour
  if (hour.hourMillis + hourMillis > nowMillis) return hour
  return { ...hour, available: 0, reserved: 0, delivered: delivered + reserved, expired: expired + available }
}

/** Unit-hours by state over a window. */
export const sumOfHours = (hours: readonly HourUnits[]): Omit<HourUnits, 'hourMillis'> => {
  const sum = { available: 0, reserved: 0, delivered: 0, expired: 0 }
  for (const hour of hours) for (const state of unitStates) sum[state] += hour[state]
  return sum
}

/** Hours side by side that have as many units to be had: what an offer of the lot can serve. */
export const availableRuns = (hours: readonly HourUnits[]): readonly (HourWindow & { readonly units: number })[] => {
  const runs: (HourWindow & { readonly units: number })[] = []
  for (const { hourMillis: fromMillis, available } of hours) {
    const last = runs.at(-1)
    const untilMillis = fromMillis + hourMillis
    if (last?.units === available && last.untilMillis === fromMillis) runs[runs.length - 1] = { ...last, untilMillis }
    else runs.push({ fromMillis, untilMillis, units: available })
  }
  return runs.filter(({ units }) => units > 0)
}

/** Before its end a lot that has units left is flagged, and they are offered to everybody. */
export const expiringMillis = 48 * hourMillis
/** What they are offered at, of what they have cost, in parts of a million. */
export const expiringPricePpm = 500_000
/** As many days can be changed in one transaction, beside the lot's head and the name of the change. */
export const mostDaysAtOnce = 97
