import type { MeasurementRow } from '#adapters/tables/measurements.ts'
import type { SlaWindow } from '#domain/sla/readings.ts'

/** A window of a contract as it stands among the measurements. */
export const windowOf = ({ windowStartMillis, availability, latency }: MeasurementRow): SlaWindow => ({
  startMillis: windowStartMillis,
  upSeconds: availability?.upSeconds ?? 0,
  degradedSeconds: availability?.degradedSeconds ?? 0,
  downSeconds: availability?.downSeconds ?? 0,
  unknownSeconds: availability?.unknownSeconds ?? 0,
  ...(latency === undefined ? {} : { latencyCounts: latency.counts }),
})
