import type * as z from 'zod'
import type { MeasurementRow, SeriesWindow } from '#adapters/tables/measurements.ts'
import { decimalOfMicros, micros } from '#domain/units.ts'
import type { measurementWindow, putMeasurements } from '#protocol/operations/indices.ts'
import type { Request } from '../shell/http.ts'

export const windowOf = (row: MeasurementRow): z.infer<typeof measurementWindow> => ({
  source: row.source,
  start: new Date(row.windowStartMillis).toISOString(),
  end: new Date(row.windowEndMillis).toISOString(),
  version: row.version,
  recorded_at: new Date(row.recordedAtMillis).toISOString(),
  ...(row.latency === undefined
    ? {}
    : { latency: { upper_ns: [...row.latency.upperNanos], counts: [...row.latency.counts] } }),
  ...(row.availability === undefined
    ? {}
    : {
        availability: {
          up_s: row.availability.upSeconds,
          degraded_s: row.availability.degradedSeconds,
          down_s: row.availability.downSeconds,
          unknown_s: row.availability.unknownSeconds,
        },
      }),
  ...(row.penaltyMicros === undefined ? {} : { penalty: decimalOfMicros(row.penaltyMicros) }),
  ...(row.accuracyPpm === undefined ? {} : { accuracy: decimalOfMicros(row.accuracyPpm) }),
  ...(row.job === undefined
    ? {}
    : {
        job: {
          contracted_units: row.job.contractedUnits,
          delivered_units: row.job.deliveredUnits,
          imbalance_price: decimalOfMicros(row.job.imbalancePriceMicros),
        },
      }),
})

/** As it was asked for. */
export const measuredWindow = (
  series: string,
  window: Request<typeof putMeasurements>['body']['windows'][number],
): SeriesWindow => ({
  series,
  source: window.source,
  windowStartMillis: Date.parse(window.start),
  windowEndMillis: Date.parse(window.end),
  ...(window.latency === undefined
    ? {}
    : { latency: { upperNanos: window.latency.upper_ns, counts: window.latency.counts } }),
  ...(window.availability === undefined
    ? {}
    : {
        availability: {
          upSeconds: window.availability.up_s,
          degradedSeconds: window.availability.degraded_s,
          downSeconds: window.availability.down_s,
          unknownSeconds: window.availability.unknown_s,
        },
      }),
  ...(window.penalty === undefined ? {} : { penaltyMicros: millionths(window.penalty) }),
  ...(window.accuracy === undefined ? {} : { accuracyPpm: millionths(window.accuracy) }),
  ...(window.job === undefined
    ? {}
    : {
        job: {
          contractedUnits: window.job.contracted_units,
          deliveredUnits: window.job.delivered_units,
          imbalancePriceMicros: millionths(window.job.imbalance_price),
        },
      }),
})

const millionths = (decimal: string): number => {
  const count = micros(decimal)
  if (count === undefined) throw new Error(`the schema has let ${decimal} pass`)
  return count
}
