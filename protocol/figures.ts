/**
 * What a lane's matcher tells of itself: every five seconds, as JSON in the row `metrics` of the lanes table. Counts run
 * from started_at. The buckets are fixed, so that rows of different times and lanes can be added up.
 */
export interface MatcherFigures {
  readonly at: number
  readonly started_at: number
  readonly epoch: number
  readonly lane: number
  /** place-order commands applied. */
  readonly orders: number
  readonly rejections: Readonly<Record<string, number>>
  readonly trades: number
  readonly commands: number
  readonly duplicates: number
  readonly poison: number
  /** The last record applied: 56 digits; empty before the first. */
  readonly input_sequence: string
  readonly out_seq: number
  readonly unpublished_events: number
  /** From the arrival of the newest applied record until it was applied, or how far behind the reader is, if more. */
  readonly lag_millis: number
  /** From a record's arrival in the order stream until its events are acknowledged by the execution stream. */
  readonly latency_millis: Histogram
  /** From a record's arrival until it is applied. */
  readonly applied_millis: Histogram
  /** The engine's own time for one command. */
  readonly engine_micros: Histogram
  /** Over the last five seconds. */
  readonly event_loop_delay_millis: { readonly p50: number; readonly p99: number; readonly max: number }
  readonly open_orders: number
  readonly accounts: number
  readonly instruments: number
}

export interface Histogram {
  /** Upper bounds, each included, ascending. */
  readonly buckets: readonly number[]
  /** Not cumulative; one more than buckets: the last counts what is above all bounds. */
  readonly counts: readonly number[]
  readonly sum: number
  readonly count: number
}

export const latencyBucketsMillis = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 60_000] as const
export const engineBucketsMicros = [0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 250, 500, 1_000, 5_000, 20_000] as const
