import type { Priced } from '../pricing/priced.ts'
import { type Assessment, assess, type MonthTotals, noWindows, totalsWith } from './assessment.ts'
import { type ChangedWindow, openAvailabilityStream } from './availability-stream.ts'
import { type PenaltyEntry, penaltyEntries } from './penalty-ledger.ts'
import {
  minuteOf,
  type Reading,
  type readingFate,
  type SlaWindow,
  watermarkMillis,
  windowsBetween,
} from './readings.ts'
import { contractMonths, monthOf, type SlaContract } from './sla-contract.ts'

/** A month as it was assessed last. */
export interface SettledMonth {
  readonly month: string
  readonly version: number
  readonly totals: MonthTotals
  readonly assessment: Priced<Assessment>
}

export interface SlaSettlement {
  readonly windows: readonly SlaWindow[]
  readonly months: readonly SettledMonth[]
  readonly entries: readonly PenaltyEntry[]
}

const penaltyOf = (assessment: Priced<Assessment>): number => (assessment.priced ? assessment.value.penaltyMicros : 0)

const spanOf = ({ periodStartMillis, periodEndMillis }: SlaContract) => ({
  fromMillis: periodStartMillis,
  toMillis: periodEndMillis,
})

/** What all readings of the contract's period, in order, come to at once. */
export const settledAtOnce = (contract: SlaContract, readings: readonly Reading[]): SlaSettlement => {
  const windows = windowsBetween(readings, contract.quantity, spanOf(contract))
  const totals = new Map<string, MonthTotals>()
  for (const window of windows) {
    const month = monthOf(window.startMillis)
    totals.set(month, totalsWith(totals.get(month) ?? noWindows, window, undefined))
  }
  const months = [...totals].map(([month, ofMonth]): SettledMonth => {
    return { month, version: 1, totals: ofMonth, assessment: assess(contract, ofMonth) }
  })
  const entries: PenaltyEntry[] = []
  for (const { month, version, assessment } of months)
    entries.push(...penaltyEntries(contract, { month, version, penaltyMicros: penaltyOf(assessment) }, entries))
  return { windows, months, entries }
}

/**
 * A contract as its readings come in: windows, then months, which are assessed once their last window is closed, and once
 * more, as the next version, after each correction.
 */
export const openSlaBook = (contract: SlaContract) => {
  const stream = openAvailabilityStream(contract.quantity, spanOf(contract))
  const totals = new Map<string, MonthTotals>()
  const unassessed = new Set<string>()
  const settled = new Map<string, SettledMonth>()
  const entries: PenaltyEntry[] = []
  let corrections = 0

  const note = (changed: readonly ChangedWindow[]): void => {
    for (const { window, before } of changed) {
      const month = monthOf(window.startMillis)
      totals.set(month, totalsWith(totals.get(month) ?? noWindows, window, before))
      unassessed.add(month)
      if (before !== undefined) corrections += 1
    }
  }

  return {
    take(reading: Reading): ReturnType<typeof readingFate> {
      const { fate, changed } = stream.take(reading)
      note(changed)
      return fate
    },
    advance(nowMillis: number): void {
      note(stream.advance(nowMillis))
    },
    /** Assesses the months that are over and have changed since they were. */
    assess(): void {
      const over = contractMonths(contract, stream.closedMillis()).filter(
        ({ toMillis }) => toMillis <= stream.closedMillis(),
      )
      for (const { month } of over) {
        if (!unassessed.delete(month)) continue
        const version = (settled.get(month)?.version ?? 0) + 1
        const ofMonth = totals.get(month) ?? noWindows
        const assessment = assess(contract, ofMonth)
        settled.set(month, { month, version, totals: ofMonth, assessment })
        entries.push(...penaltyEntries(contract, { month, version, penaltyMicros: penaltyOf(assessment) }, entries))
      }
    },
    /** How many windows were made anew after they had been closed. */
    corrections: (): number => corrections,
    settlement: (): SlaSettlement => ({
      windows: stream.records().map(({ version: _, ...window }) => window),
      months: [...settled.values()].sort((one, other) => (one.month < other.month ? -1 : 1)),
      entries,
    }),
  }
}

/** By then every window that lies before an instant is closed. */
export const closingMillis = (millis: number): number => minuteOf(millis) + watermarkMillis
