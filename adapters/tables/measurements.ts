import type { AttestedWindow, MeasuredWindow } from '#domain/settlement/measured-windows.ts'
import { tables } from '#protocol/tables.ts'
import { type Item, integer, optional, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store, transact, type Write } from '../writes.ts'

/** A window of a measured series. */
export interface SeriesWindow extends AttestedWindow {
  readonly series: string
}

export interface MeasurementRow extends SeriesWindow, MeasuredWindow {
  readonly recordedAtMillis: number
}

const rowsOfRead = 500

/** By beginning, then by source; 15 digits take any year that a request can name. */
const timeKeyOf = (millis: number): string => String(Math.max(0, millis)).padStart(15, '0')
const windowKeyOf = ({ windowStartMillis, source }: AttestedWindow): string =>
  `${timeKeyOf(windowStartMillis)}#${source}`

/** All whose windows begin from one instant on and before another, by beginning, then by source. */
export const listMeasurements = async (
  series: string,
  fromMillis: number,
  toMillis: number,
): Promise<readonly MeasurementRow[]> => {
  const found: MeasurementRow[] = []
  let after: string | undefined
  do {
    const { rows, next }: Page<MeasurementRow> = await measurementsPage(series, {
      fromMillis,
      toMillis,
      limit: rowsOfRead,
      after,
    })
    found.push(...rows)
    after = next
  } while (after !== undefined)
  return found
}

export const measurementsPage = (
  series: string,
  options: {
    readonly fromMillis: number
    readonly toMillis: number
    readonly limit: number
    /** Key of the window that the page comes after. */
    readonly after?: string | undefined
  },
): Promise<Page<MeasurementRow>> => {
  const { fromMillis, toMillis, limit, after } = options
  const [from, to] = [timeKeyOf(fromMillis), timeKeyOf(toMillis)]
  // DynamoDB refuses to go on from outside of what is asked for.
  const isOutside = after !== undefined && (after < from || after > to)
  if (from >= to || isOutside) return Promise.resolve({ rows: [] })
  return page(
    {
      table: tables.measurements,
      partition: { name: 'series', value: series },
      sortKeyName: 'window_key',
      // The end is no key: those that begin then have more behind it.
      between: [from, to],
      limit,
      ...(after === undefined ? {} : { after: { series, window_key: after } }),
    },
    rowOf,
  )
}

export const getMeasurement = async (window: SeriesWindow): Promise<MeasurementRow | undefined> => {
  const { rows } = await page(
    {
      table: tables.measurements,
      partition: { name: 'series', value: window.series },
      sortKeyName: 'window_key',
      sortKey: windowKeyOf(window),
      limit: 1,
    },
    rowOf,
  )
  return rows[0]
}

/** All or none of at most 100 windows that nobody has told of; false where somebody has of one. */
export const addMeasurements = (rows: readonly MeasurementRow[]): Promise<boolean> =>
  transact(rows.map(row => measurementPut(row, undefined)))

/** Only in the place of the one that was read (undefined: none), which is kept among the superseded ones of the series. */
export const replaceMeasurement = (row: MeasurementRow, read: MeasurementRow | undefined): Promise<boolean> => {
  const [first, ...others] = measurementWrites(row, read)
  return first !== undefined && others.length === 0 ? store(first) : transact(measurementWrites(row, read))
}

/** The same, in a transaction. */
export const measurementWrites = (row: MeasurementRow, read: MeasurementRow | undefined): readonly Write[] =>
  read === undefined ? [measurementPut(row, read)] : [measurementPut(row, read), supersededPut(read)]

const supersededPut = (row: MeasurementRow): Write => ({
  kind: 'put',
  table: tables.measurements,
  item: {
    ...itemOf(row),
    series: `${row.series}#superseded`,
    window_key: `${windowKeyOf(row)}#${String(row.version).padStart(6, '0')}`,
  },
})

const measurementPut = (row: MeasurementRow, read: MeasurementRow | undefined): Write => ({
  kind: 'put',
  table: tables.measurements,
  item: itemOf(row),
  onlyIf: { version: read?.version },
})

const itemOf = (row: MeasurementRow): Item => ({
  series: row.series,
  window_key: windowKeyOf(row),
  source: row.source,
  window_start_millis: row.windowStartMillis,
  window_end_millis: row.windowEndMillis,
  version: row.version,
  recorded_at_millis: row.recordedAtMillis,
  ...(row.latency === undefined
    ? {}
    : { latency: { upper_nanos: row.latency.upperNanos, counts: row.latency.counts } }),
  ...(row.availability === undefined
    ? {}
    : {
        availability: {
          up_seconds: row.availability.upSeconds,
          degraded_seconds: row.availability.degradedSeconds,
          down_seconds: row.availability.downSeconds,
          unknown_seconds: row.availability.unknownSeconds,
        },
      }),
  penalty_micros: row.penaltyMicros,
  accuracy_ppm: row.accuracyPpm,
  ...(row.job === undefined
    ? {}
    : {
        job: {
          contracted_units: row.job.contractedUnits,
          delivered_units: row.job.deliveredUnits,
          imbalance_price_micros: row.job.imbalancePriceMicros,
        },
      }),
})

const rowOf = (item: Item): MeasurementRow => ({
  series: text(item, 'series'),
  source: text(item, 'source'),
  windowStartMillis: integer(item, 'window_start_millis'),
  windowEndMillis: integer(item, 'window_end_millis'),
  version: integer(item, 'version'),
  recordedAtMillis: integer(item, 'recorded_at_millis'),
  ...optional('latency', item, 'latency', (...at) => {
    const inner = within(...at)
    return { upperNanos: integers(inner, 'upper_nanos'), counts: integers(inner, 'counts') }
  }),
  ...optional('availability', item, 'availability', (...at) => {
    const inner = within(...at)
    return {
      upSeconds: integer(inner, 'up_seconds'),
      degradedSeconds: integer(inner, 'degraded_seconds'),
      downSeconds: integer(inner, 'down_seconds'),
      unknownSeconds: integer(inner, 'unknown_seconds'),
    }
  }),
  ...optional('penaltyMicros', item, 'penalty_micros', integer),
  ...optional('accuracyPpm', item, 'accuracy_ppm', integer),
  ...optional('job', item, 'job', (...at) => {
    const inner = within(...at)
    return {
      contractedUnits: integer(inner, 'contracted_units'),
      deliveredUnits: integer(inner, 'delivered_units'),
      imbalancePriceMicros: integer(inner, 'imbalance_price_micros'),
    }
  }),
})

const within = (item: Item, name: string): Item => {
  const value = item[name]
  if (typeof value !== 'object' || value === null) throw new Error(`${name} of a window is no item`)
  return { ...value }
}

const integers = (item: Item, name: string): readonly number[] => {
  const value = item[name]
  if (!Array.isArray(value) || !value.every(each => Number.isSafeInteger(each)))
    throw new Error(`${name} of a window is no list of integers`)
  return value
}
