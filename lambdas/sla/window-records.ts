import { listMeasurements, type MeasurementRow, measurementWrites } from '#adapters/tables/measurements.ts'
import type { SlaContractRow } from '#adapters/tables/sla-contracts.ts'
import { getMonth, type MonthRow, monthPut } from '#adapters/tables/sla-months.ts'
import { readingsWithin } from '#adapters/tables/sla-readings.ts'
import { mostItemsOfTransaction, transact, type Write } from '#adapters/writes.ts'
import { noWindows, totalsWith } from '#domain/sla/assessment.ts'
import {
  isSameWindow,
  latencyUpperNanos,
  readingsSpan,
  type SlaWindow,
  type Span,
  windowMillis,
  windowsBetween,
} from '#domain/sla/readings.ts'
import { isLastOfMonth, monthOf } from '#domain/sla/sla-contract.ts'
import { windowOf } from './recorded-window.ts'

/** Whatever is measured of them, what is there before a part is recorded fits into one read each. */
export const windowsOfPart = 90
const mostAttempts = 8

/**
 * Makes the windows of a span (whole minutes within the contract's period) what all readings that are stored say, and the
 * months' sums with them. Whoever else does so at the same time comes to the same: each write holds only where the window
 * and the month are as they were read, and both were read before the readings. Answers how many were made anew.
 */
export const recordWindows = async (contract: SlaContractRow, { fromMillis, toMillis }: Span): Promise<number> => {
  let changed = 0
  for (let from = fromMillis; from < toMillis; from += windowsOfPart * windowMillis)
    changed += await recordPart(contract, {
      fromMillis: from,
      toMillis: Math.min(toMillis, from + windowsOfPart * windowMillis),
    })
  return changed
}

const recordPart = async (contract: SlaContractRow, span: Span): Promise<number> => {
  const { contractId, series, quantity } = contract
  let changed = 0
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const stored = await ownWindows(contract, span)
    const names = [...new Set([monthOf(span.fromMillis), monthOf(span.toMillis - 1)])]
    const months = new Map(
      await Promise.all(names.map(async month => [month, await getMonth(contractId, month)] as const)),
    )
    // Last: a reading that is stored later is seen by whoever stored it, and finds these windows closed.
    const readings = await readingsWithin(series, readingsSpan(span))
    const windows = windowsBetween(readings, quantity, span)
    const differing = windows.filter(window => {
      const row = stored.get(window.startMillis)
      const before = row === undefined ? undefined : windowOf(row)
      return before === undefined || !isSameWindow(window, before)
    })
    if (differing.length === 0) return changed
    let isWhole = true
    for (const [month, ofMonth] of Map.groupBy(differing, ({ startMillis }) => monthOf(startMillis))) {
      const written = await writeMonth(contract, ofMonth, stored, months.get(month))
      changed += written
      isWhole &&= written === ofMonth.length
    }
    if (isWhole) return changed
  }
  throw new Error(`the windows of ${contractId} kept changing`)
}

/** How many were written: fewer than all where somebody else was at them. */
const writeMonth = async (
  contract: SlaContractRow,
  windows: readonly SlaWindow[],
  stored: ReadonlyMap<number, MeasurementRow>,
  before: MonthRow | undefined,
): Promise<number> => {
  const atMillis = Date.now()
  let month = before
  let written = 0
  const rest = [...windows]
  while (rest.length > 0) {
    const writes: Write[] = []
    let next: MonthRow = {
      ...(month ?? { ...noWindows, contractId: contract.contractId, month: monthOf(windows[0]?.startMillis ?? 0) }),
      revision: (month?.revision ?? 0) + 1,
      changedAtMillis: atMillis,
    }
    let taken = 0
    for (const window of rest) {
      const read = stored.get(window.startMillis)
      const puts = measurementWrites(rowOf(contract, window, read, atMillis), read)
      if (writes.length + puts.length + 1 > mostItemsOfTransaction) break
      writes.push(...puts)
      next = { ...next, ...totalsWith(next, window, read === undefined ? undefined : windowOf(read)) }
      taken += 1
    }
    if (!(await transact([...writes, monthPut(next, month)]))) return written
    rest.splice(0, taken)
    written += taken
    month = next
  }
  return written
}

/** Those that the exchange has recorded of the contract within the span, by their beginning. */
const ownWindows = async (
  { contractId, series }: SlaContractRow,
  { fromMillis, toMillis }: Span,
): Promise<ReadonlyMap<number, MeasurementRow>> => {
  const rows = await listMeasurements(series, fromMillis, toMillis)
  return new Map(rows.filter(({ source }) => source === contractId).map(row => [row.windowStartMillis, row]))
}

/**
 * The window as anyone may settle on it. The month's penalty comes with its last window once it is assessed; a bond waits
 * for that, as the window has none before. All others have a penalty of nothing.
 */
const rowOf = (
  contract: SlaContractRow,
  window: SlaWindow,
  read: MeasurementRow | undefined,
  atMillis: number,
): MeasurementRow => {
  const penaltyMicros = isLastOfMonth(contract, window.startMillis) ? read?.penaltyMicros : 0
  return {
    series: contract.series,
    source: contract.contractId,
    windowStartMillis: window.startMillis,
    windowEndMillis: window.startMillis + windowMillis,
    version: (read?.version ?? 0) + 1,
    recordedAtMillis: atMillis,
    availability: {
      upSeconds: window.upSeconds,
      degradedSeconds: window.degradedSeconds,
      downSeconds: window.downSeconds,
      unknownSeconds: window.unknownSeconds,
    },
    ...(window.latencyCounts === undefined
      ? {}
      : { latency: { upperNanos: latencyUpperNanos, counts: window.latencyCounts } }),
    ...(penaltyMicros === undefined ? {} : { penaltyMicros }),
  }
}
