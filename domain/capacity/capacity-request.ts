import type { CapacityNeed } from './capacity-source.ts'

/** A request as a plan sees it. Hours count since 1970; money is USD micros. */
export interface CapacityRequest {
  readonly allocationId: string
  readonly account: string
  readonly need: CapacityNeed
  readonly regions: readonly string[]
  readonly earliestHour: number
  /** The last hour in which it may begin. */
  readonly latestHour: number
  readonly durationHours: number
  /** 1 to 5. */
  readonly priority: number
  readonly budgetMicros: number
  readonly isPreemptible: boolean
  /** What refused it before, by id: not asked again. */
  readonly avoidedSources?: readonly string[]
  /** How many plans could not serve it. */
  readonly plansMissed: number
  readonly requestedAtMillis: number
}

export const hourMillis = 3_600_000
/** From the first start to the end: no plan looks farther. */
const mostWindowHours = 60 * 24

export interface AskedWindow {
  readonly earliestStartMillis: number
  readonly latestStartMillis?: number
  readonly endMillis: number
  readonly durationHours: number
  readonly isFlexible: boolean
}

export interface HourWindow {
  readonly earliestHour: number
  readonly latestHour: number
  readonly endHour: number
}

export type WindowFault =
  | 'earliest-not-an-hour'
  | 'latest-not-an-hour'
  | 'end-not-an-hour'
  | 'earliest-past'
  | 'end-before-start'
  | 'latest-before-earliest'
  | 'latest-not-flexible'
  | 'too-short'
  | 'latest-too-late'
  | 'too-long'

/** Whole hours in which it can begin and end, or the first thing that is wrong with them. */
export const readWindow = (asked: AskedWindow, nowMillis: number): HourWindow | WindowFault => {
  const { earliestStartMillis, latestStartMillis, endMillis, durationHours, isFlexible } = asked
  if (earliestStartMillis % hourMillis !== 0) return 'earliest-not-an-hour'
  if (endMillis % hourMillis !== 0) return 'end-not-an-hour'
  if (latestStartMillis !== undefined && latestStartMillis % hourMillis !== 0) return 'latest-not-an-hour'
  if (earliestStartMillis < nowMillis) return 'earliest-past'
  if (endMillis <= earliestStartMillis) return 'end-before-start'
  const earliestHour = earliestStartMillis / hourMillis
  const endHour = endMillis / hourMillis
  if (endHour - earliestHour > mostWindowHours) return 'too-long'
  if (endHour - earliestHour < durationHours) return 'too-short'
  if (!isFlexible) {
    if (latestStartMillis !== undefined && latestStartMillis !== earliestStartMillis) return 'latest-not-flexible'
    return { earliestHour, latestHour: earliestHour, endHour }
  }
  const latestHour = latestStartMillis === undefined ? endHour - durationHours : latestStartMillis / hourMillis
  if (latestHour < earliestHour) return 'latest-before-earliest'
  if (latestHour + durationHours > endHour) return 'latest-too-late'
  return { earliestHour, latestHour, endHour }
}
