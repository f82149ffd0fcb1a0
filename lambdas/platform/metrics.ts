import { AggregatorRegistry } from 'prom-client'
import { getFigures, listReplicas, type Replica } from '#adapters/tables/lanes.ts'
import { getWatermark } from '#adapters/tables/watermarks.ts'
import type { Histogram, MatcherFigures } from '#protocol/figures.ts'
import { projectors } from '#protocol/functions.ts'
import type { metrics } from '#protocol/operations/platform.ts'
import type { Handle } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'

/** Each lane's matcher writes its figures every few seconds; here they are only put into Prometheus' words. */
export const handle: Handle<typeof metrics> = async () => {
  const families = await Promise.all(
    tenantLanes().map(async lane => {
      const [figures, replicas, ...watermarks] = await Promise.all([
        getFigures(lane),
        listReplicas(lane, Date.now() - silentMillis),
        ...projectors.map(async projector => ({ projector, outSeq: (await getWatermark(projector, lane)).outSeq })),
      ])
      return figures === undefined ? [] : familiesOf(figures, replicas, watermarks)
    }),
  )
  // The library's own way to tell figures that were recorded elsewhere.
  return { status: 200, body: await AggregatorRegistry.aggregate([...families]).metrics() }
}

/** A metric as prom-client takes it from another process. */
interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly aggregator: 'sum'
  readonly values: readonly Sample[]
}

interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

const prefix = 'compute_exchange_'
/** A replica tells of itself every five seconds. */
const silentMillis = 15_000

/** Of the newest one that a replica tells of; no values where none does. */
const snapshotValues = (replicas: readonly Replica[]) => {
  const newest = replicas
    .flatMap(({ snapshot }) => (snapshot === undefined ? [] : [snapshot]))
    .sort((a, b) => b.atMillis - a.atMillis)
    .slice(0, 1)
  return [
    { name: 'snapshot_bytes', help: 'Size of the last snapshot', values: newest.map(({ bytes }) => bytes) },
    {
      name: 'snapshot_age_seconds',
      help: 'Since the last snapshot',
      values: newest.map(({ atMillis }) => (Date.now() - atMillis) / 1_000),
    },
    {
      name: 'snapshot_pause_seconds',
      help: 'For how long the standby stood still to take it',
      values: newest.map(({ pauseMillis }) => pauseMillis / 1_000),
    },
  ]
}

const familiesOf = (
  figures: MatcherFigures,
  replicas: readonly Replica[],
  watermarks: readonly { readonly projector: string; readonly outSeq: number }[],
): readonly Family[] => {
  const lane = { lane: String(figures.lane) }
  const one = (value: number): readonly Sample[] => [{ labels: lane, value }]
  const counter = (name: string, help: string, values: readonly Sample[]): Family => ({
    name: `${prefix}${name}_total`,
    help,
    type: 'counter',
    aggregator: 'sum',
    values,
  })
  const gauge = (name: string, help: string, values: readonly Sample[]): Family => ({
    name: `${prefix}${name}`,
    help,
    type: 'gauge',
    aggregator: 'sum',
    values,
  })
  const { p50, p99, max } = figures.event_loop_delay_millis
  return [
    counter('orders', 'Orders that the matcher has applied', one(figures.orders)),
    counter(
      'rejections',
      'Commands that the matcher has refused, by code',
      Object.entries(figures.rejections).map(([code, value]) => ({ labels: { ...lane, code }, value })),
    ),
    counter('trades', 'Trades', one(figures.trades)),
    counter('commands', 'Commands that the matcher has applied', one(figures.commands)),
    counter('duplicates', 'Commands that had been applied before', one(figures.duplicates)),
    counter('poison_records', 'Records that could not be read as commands', one(figures.poison)),
    gauge('out_sequence', 'Number of the last event', one(figures.out_seq)),
    gauge('epoch', 'Of the matcher that leads the lane', one(figures.epoch)),
    gauge('started_timestamp_seconds', 'Since when its counters run', one(figures.started_at / 1_000)),
    gauge('reported_timestamp_seconds', 'When the matcher wrote these figures', one(figures.at / 1_000)),
    gauge(
      'unpublished_events',
      'Events that the execution stream has yet to acknowledge',
      one(figures.unpublished_events),
    ),
    gauge('lag_seconds', 'How far the matcher is behind the order stream', one(figures.lag_millis / 1_000)),
    gauge('open_orders', 'Orders that rest in the books', one(figures.open_orders)),
    gauge('accounts', 'Accounts that are open', one(figures.accounts)),
    gauge('instruments', 'Instruments that are listed', one(figures.instruments)),
    gauge(
      'replicas',
      'Matchers that have spoken of late, by what they do',
      (['leader', 'standby'] as const).map(role => ({
        labels: { ...lane, role },
        value: replicas.filter(each => each.role === role).length,
      })),
    ),
    gauge(
      'standby_lag_seconds',
      'How far the matcher that stands by is behind the order stream',
      replicas
        .filter(({ role }) => role === 'standby')
        .slice(0, 1)
        .map(({ behindMillis }) => ({ labels: lane, value: behindMillis / 1_000 })),
    ),
    ...snapshotValues(replicas).map(({ name, help, values }) =>
      gauge(
        name,
        help,
        values.map(value => ({ labels: lane, value })),
      ),
    ),
    gauge(
      'event_loop_delay_seconds',
      'How late the matcher’s timers are',
      [
        ['0.5', p50],
        ['0.99', p99],
        ['1', max],
      ].map(([quantile, millis]) => ({
        labels: { ...lane, quantile: String(quantile) },
        value: Number(millis) / 1_000,
      })),
    ),
    histogram(
      'latency_seconds',
      'From a record’s arrival until its events are published',
      lane,
      figures.latency_millis,
      1_000,
    ),
    histogram('applied_seconds', 'From a record’s arrival until it is applied', lane, figures.applied_millis, 1_000),
    histogram('engine_seconds', 'The engine’s own time for one command', lane, figures.engine_micros, 1_000_000),
    gauge(
      'projector_lag_events',
      'How many events a projector is behind the matcher’s last figures',
      watermarks.map(({ projector, outSeq }) => ({
        labels: { ...lane, projector },
        value: Math.max(0, figures.out_seq - outSeq),
      })),
    ),
  ]
}

/** Prometheus counts each bucket with all below it, in seconds. */
const histogram = (
  name: string,
  help: string,
  labels: Readonly<Record<string, string>>,
  { buckets, counts, sum, count }: Histogram,
  perSecond: number,
): Family => {
  let below = 0
  const cumulative = buckets.map((bound, index): Sample => {
    below += counts[index] ?? 0
    return { metricName: `${prefix}${name}_bucket`, labels: { ...labels, le: bound / perSecond }, value: below }
  })
  return {
    name: `${prefix}${name}`,
    help,
    type: 'histogram',
    aggregator: 'sum',
    values: [
      ...cumulative,
      { metricName: `${prefix}${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
      { metricName: `${prefix}${name}_sum`, labels, value: sum / perSecond },
      { metricName: `${prefix}${name}_count`, labels, value: count },
    ],
  }
}
