import { engineBucketsMicros, latencyBucketsMillis, type MatcherFigures } from '#protocol/figures.ts'

/** What a lane's matcher might have told last. */
export const matcherFigures = (lane: number, change: Partial<MatcherFigures> = {}): MatcherFigures => {
  const histogram = (buckets: readonly number[], ...first: readonly number[]) => {
    const counts = Array.from({ length: buckets.length + 1 }, (_, index) => first[index] ?? 0)
    const count = counts.reduce((sum, each) => sum + each, 0)
    return { buckets, counts, sum: count * 1.5, count }
  }
  return {
    at: Date.now(),
    started_at: Date.UTC(2026, 6, 21),
    epoch: 3,
    lane,
    orders: 120,
    rejections: { 'insufficient-funds': 4, 'no-liquidity': 1 },
    trades: 40,
    commands: 130,
    duplicates: 2,
    poison: 0,
    input_sequence: '1'.padStart(56, '0'),
    out_seq: 500,
    unpublished_events: 0,
    lag_millis: 12,
    latency_millis: histogram(latencyBucketsMillis, 1, 2, 3),
    applied_millis: histogram(latencyBucketsMillis, 5),
    engine_micros: histogram(engineBucketsMicros, 0, 100, 30),
    event_loop_delay_millis: { p50: 0.5, p99: 2, max: 4 },
    open_orders: 33,
    accounts: 2,
    instruments: 5,
    ...change,
  }
}

/** Its row of the lanes table. */
export const figuresItem = (figures: MatcherFigures): Readonly<Record<string, unknown>> => ({
  lane: String(figures.lane),
  row: 'metrics',
  at: figures.at,
  epoch: figures.epoch,
  figures: JSON.stringify(figures),
})

/** The row of its lease. */
export const leaseItem = (lane: number, change: Readonly<Record<string, unknown>> = {}) => ({
  lane: String(lane),
  row: 'checkpoint',
  epoch: 3,
  owner: 'host/7/name/0',
  version: 12,
  at_millis: Date.now(),
  behind_millis: 0,
  ...change,
})

/** What one of its replicas tells of itself. */
export const replicaItem = (
  lane: number,
  owner: string,
  role: 'leader' | 'standby',
  change: Readonly<Record<string, unknown>> = {},
) => ({
  lane: String(lane),
  row: `replica#${owner}`,
  role,
  at_millis: Date.now(),
  engine_versions: [1, 2],
  input_sequence: '1'.padStart(56, '0'),
  out_seq: 500,
  chain: 'c'.repeat(32),
  is_verified: true,
  behind_millis: role === 'leader' ? 3 : 250,
  ...(role === 'standby'
    ? { snapshot_at_millis: Date.now() - 21_000, snapshot_bytes: 4096, snapshot_pause_millis: 7 }
    : {}),
  ...change,
})

export const watermarkItem = (lane: number, projector: string, outSeq: number): Readonly<Record<string, unknown>> => ({
  lane: String(lane),
  row: `projector#${projector}`,
  out_seq: outSeq,
})
