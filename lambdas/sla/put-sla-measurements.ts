import { isSlaSeries } from '#adapters/tables/sla-contracts.ts'
import { getReading, type ReadingRow, readingPut } from '#adapters/tables/sla-readings.ts'
import { mostItemsOfTransaction, transact, type Write } from '#adapters/writes.ts'
import { endOfReading, inOrder, readingFate } from '#domain/sla/readings.ts'
import type { putSlaMeasurements } from '#protocol/operations/sla.ts'
import { afterLoss, concurrentChange, mostAttempts } from '../shell/contention.ts'
import type { Handle, Request } from '../shell/http.ts'

/** A probe's clock may be so far ahead. */
const mostAheadMillis = 5_000
/** Nobody has measured what is still to come: a reading may reach so far beyond now. */
const mostHeldAheadMillis = 60_000
/** What is older corrects nothing any more: its month was assessed long ago. */
const oldestMillis = 62 * 86_400_000
const defaultHoldsSeconds = 60
const mostErrors = 20
const sideBySide = 25

type FieldErrors = { readonly pointer: string; readonly detail: string }[]
type Measurement = Request<typeof putSlaMeasurements>['body']['measurements'][number]

export const handle: Handle<typeof putSlaMeasurements> = async ({ body }) => {
  const nowMillis = Date.now()
  const told = body.measurements.map(each => readingOf(each, nowMillis))
  const untimely = told.flatMap((reading, at): FieldErrors => {
    const { atMillis } = reading
    const wrong = (field: string, detail: string): FieldErrors => [{ pointer: `#/measurements/${at}/${field}`, detail }]
    if (atMillis > nowMillis + mostAheadMillis) return wrong('at', 'lies ahead')
    if (atMillis < nowMillis - oldestMillis) return wrong('at', 'is more than 62 days old')
    return endOfReading(reading) > nowMillis + mostAheadMillis + mostHeldAheadMillis
      ? wrong('holds_s', 'reaches more than a minute ahead')
      : []
  })
  if (untimely.length > 0) return { code: 'invalid-request', errors: untimely.slice(0, mostErrors) }
  const unknown = await unknownSeries(told)
  if (unknown.length > 0) return { code: 'unknown-series', errors: unknown.slice(0, mostErrors) }
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const decided = await decide(told)
    if ('errors' in decided) return { code: 'reading-conflict', errors: decided.errors.slice(0, mostErrors) }
    const { writes } = decided
    if (await storeAll(writes))
      return { status: 200, body: { taken: writes.length, known: told.length - writes.length } }
    await afterLoss(attempt)
  }
  return concurrentChange
}

const readingOf = (each: Measurement, nowMillis: number): ReadingRow => ({
  series: each.series,
  probe: each.probe,
  atMillis: Date.parse(each.at),
  holdsSeconds: each.holds_s ?? defaultHoldsSeconds,
  availableUnits: each.available,
  degradedUnits: each.degraded ?? 0,
  latencyNanos: each.latency_ns ?? [],
  revision: each.revision ?? 0,
  receivedAtMillis: nowMillis,
})

const unknownSeries = async (told: readonly ReadingRow[]): Promise<FieldErrors> => {
  const names = [...new Set(told.map(({ series }) => series))]
  const isKnown = new Map<string, boolean>()
  for (let at = 0; at < names.length; at += sideBySide)
    await Promise.all(
      names.slice(at, at + sideBySide).map(async name => void isKnown.set(name, await isSlaSeries(name))),
    )
  return told.flatMap(({ series }, at) =>
    isKnown.get(series) === true
      ? []
      : [{ pointer: `#/measurements/${at}/series`, detail: 'is measured for no contract' }],
  )
}

/** One write for each reading that says something new, as its name stands now; or those that contradict what is known. */
const decide = async (
  told: readonly ReadingRow[],
): Promise<{ readonly writes: readonly Write[] } | { readonly errors: FieldErrors }> => {
  const stored = await allKnown(told)
  const latest = new Map<string, ReadingRow>()
  const errors: FieldErrors = []
  for (const [at, reading] of told.entries()) {
    const name = nameOf(reading)
    const fate = readingFate(reading, latest.get(name) ?? stored.get(name))
    if (fate === 'taken') latest.set(name, reading)
    if (fate === 'conflict')
      errors.push({ pointer: `#/measurements/${at}`, detail: 'contradicts what the probe has said of that time' })
  }
  if (errors.length > 0) return { errors }
  return {
    writes: [...latest]
      .sort(([, one], [, other]) => inOrder(one, other))
      .map(([name, row]) => readingPut(row, stored.get(name))),
  }
}

const nameOf = ({ series, probe, atMillis }: ReadingRow): string => `${series} ${probe} ${atMillis}`

const allKnown = async (told: readonly ReadingRow[]): Promise<ReadonlyMap<string, ReadingRow>> => {
  const known = new Map<string, ReadingRow>()
  const names = [...new Map(told.map(reading => [nameOf(reading), reading]))]
  for (let at = 0; at < names.length; at += sideBySide)
    await Promise.all(
      names.slice(at, at + sideBySide).map(async ([name, reading]) => {
        const row = await getReading(reading)
        if (row !== undefined) known.set(name, row)
      }),
    )
  return known
}

/** In parts; where somebody was faster with one, all are decided again: those that are stored are known then. */
const storeAll = async (writes: readonly Write[]): Promise<boolean> => {
  for (let at = 0; at < writes.length; at += mostItemsOfTransaction)
    if (!(await transact(writes.slice(at, at + mostItemsOfTransaction)))) return false
  return true
}
