import {
  addMeasurements,
  getMeasurement,
  listMeasurements,
  type MeasurementRow,
  replaceMeasurement,
  type SeriesWindow,
} from '#adapters/tables/measurements.ts'
import { mostItemsOfTransaction } from '#adapters/writes.ts'
import { overlapped } from '#domain/settlement/measured-windows.ts'
import type { putMeasurements } from '#protocol/operations/indices.ts'
import { afterLoss, concurrentChange, mostAttempts } from '../shell/contention.ts'
import type { Handle } from '../shell/http.ts'
import { bodyHash } from '../shell/named-request.ts'
import { measuredWindow, windowOf } from './measurement-view.ts'

export const handle: Handle<typeof putMeasurements> = async ({ path, body }) => {
  const nowMillis = Date.now()
  const windows = body.windows.map(each => measuredWindow(path.series, each))
  const errors = windows.flatMap(({ windowEndMillis }, at) =>
    windowEndMillis > nowMillis ? [{ pointer: `#/windows/${at}/end`, detail: 'lies ahead' }] : [],
  )
  errors.push(
    ...windows.flatMap(({ source }, at) =>
      contractId.test(source)
        ? [{ pointer: `#/windows/${at}/source`, detail: 'is the form of what the exchange records of SLA contracts' }]
        : [],
    ),
  )
  if (errors.length === 0) errors.push(...(await overlaps(path.series, windows)))
  if (errors.length > 0) return { code: 'invalid-request', errors: errors.slice(0, mostErrors) }
  const stored: MeasurementRow[] = []
  for (let at = 0; at < windows.length; at += mostItemsOfTransaction) {
    const part = windows.slice(at, at + mostItemsOfTransaction)
    const rows = part.map((window): MeasurementRow => ({ ...window, version: 1, recordedAtMillis: nowMillis }))
    if (await addMeasurements(rows)) stored.push(...rows)
    else {
      // Some are known: each for itself.
      for (const window of part) {
        const row = await record(window, nowMillis)
        if (row === undefined) return concurrentChange
        stored.push(row)
      }
    }
  }
  return { status: 200, body: { data: stored.map(windowOf) } }
}

const mostErrors = 20
/** The source of the windows of a contract: see lambdas/sla/window-records.ts. */
const contractId = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
/** How long before it a window that overlaps may begin: longer ones are not looked for. */
const lookedBackMillis = 86_400_000

const overlaps = async (
  series: string,
  windows: readonly SeriesWindow[],
): Promise<{ pointer: string; detail: string }[]> => {
  const from = Math.min(...windows.map(({ windowStartMillis }) => windowStartMillis)) - lookedBackMillis
  const to = Math.max(...windows.map(({ windowEndMillis }) => windowEndMillis))
  const known: readonly SeriesWindow[] = await listMeasurements(series, from, to)
  const all = [...known, ...windows]
  return windows.flatMap((window, at) => {
    const other = overlapped(window, all)
    if (other === undefined) return []
    const [start, end] = [other.windowStartMillis, other.windowEndMillis].map(millis => new Date(millis).toISOString())
    return [
      { pointer: `#/windows/${at}/start`, detail: `overlaps what ${window.source} attests of ${start} to ${end}` },
    ]
  })
}

/** The window as it stands afterwards; undefined where others kept correcting it. */
const record = async (window: SeriesWindow, nowMillis: number): Promise<MeasurementRow | undefined> => {
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const read = await getMeasurement(window)
    if (read !== undefined && isSame(window, read)) return read
    const row = { ...window, version: (read?.version ?? 0) + 1, recordedAtMillis: nowMillis }
    if (await replaceMeasurement(row, read)) return row
    await afterLoss(attempt)
  }
  return undefined
}

const isSame = (window: SeriesWindow, { version: _, recordedAtMillis: __, ...read }: MeasurementRow): boolean =>
  bodyHash(window) === bodyHash(read)
