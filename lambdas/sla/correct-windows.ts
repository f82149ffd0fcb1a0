import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { allSlaContracts, type SlaContractRow } from '#adapters/tables/sla-contracts.ts'
import { getClosing } from '#adapters/tables/sla-months.ts'
import { type ReadingRow, readingRowOf } from '#adapters/tables/sla-readings.ts'
import { type Span, touchedSpan } from '#domain/sla/readings.ts'
import { metrics, serveTableStream } from '../shell/stream.ts'
import { recordWindows } from './window-records.ts'

/** What was measured of windows that are closed already, or being closed, makes the next version of those that it changes. */
export const handler = serveTableStream(async changes => {
  // What was dropped for its age changes nothing.
  const readings = changes.flatMap(({ now }) => (now === undefined ? [] : [readingRowOf(now)]))
  let corrected = 0
  for (const [series, ofSeries] of Map.groupBy(readings, reading => reading.series))
    for (const contract of await allSlaContracts({ series })) corrected += await correct(contract, ofSeries)
  metrics.addMetric('SlaWindowsCorrected', MetricUnit.Count, corrected)
})

const correct = async (contract: SlaContractRow, readings: readonly ReadingRow[]): Promise<number> => {
  // After the readings were stored: whatever is closed from now on is made of them, too.
  const closing = await getClosing(contract.contractId)
  if (closing === undefined) return 0
  let corrected = 0
  for (const { fromMillis, toMillis } of joined(readings.map(touchedSpan))) {
    const span = {
      fromMillis: Math.max(fromMillis, contract.periodStartMillis),
      toMillis: Math.min(toMillis, closing.closingMillis),
    }
    if (span.fromMillis < span.toMillis) corrected += await recordWindows(contract, span)
  }
  return corrected
}

const joined = (spans: readonly Span[]): readonly Span[] => {
  const whole: Span[] = []
  for (const span of spans.toSorted((one, other) => one.fromMillis - other.fromMillis)) {
    const last = whole.at(-1)
    if (last === undefined || span.fromMillis > last.toMillis) whole.push(span)
    else whole[whole.length - 1] = { ...last, toMillis: Math.max(last.toMillis, span.toMillis) }
  }
  return whole
}
