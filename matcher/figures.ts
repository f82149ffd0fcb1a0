import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Event } from '#domain/trading/events.ts'
import { engineBucketsMicros, type Histogram, latencyBucketsMillis, type MatcherFigures } from '#protocol/figures.ts'

export interface BookCounts {
  readonly openOrders: number
  readonly accounts: number
  readonly instruments: number
}

export interface Figures {
  /** What a record led to, whether it is published now or was before. */
  told(events: readonly Event[]): void
  /** A record that is published now, not for the sake of replay. */
  applied(arrivalMillis: number, commands: readonly { readonly type: string }[], events: readonly Event[]): void
  engineTook(micros: number): void
  published(arrivalMillis: number): void
  snapshotTaken(pauseMillis: number, bytes: number): void
  read(now: Pick<MatcherFigures, 'input_sequence' | 'out_seq' | 'unpublished_events'> & ReaderLag): MatcherFigures
  stop(): void
}

interface ReaderLag {
  readonly millisBehindLatest: number
}

interface FiguresOptions {
  readonly lane: number
  readonly epoch: number
  readonly counts: BookCounts
  readonly now: () => number
}

const nanosPerMilli = 1e6

export const createFigures = ({ lane, epoch, counts, now }: FiguresOptions): Figures => {
  const startedAt = now()
  const eventLoop = monitorEventLoopDelay({ resolution: 10 })
  eventLoop.enable()
  const latency = countingHistogram(latencyBucketsMillis)
  const appliedLatency = countingHistogram(latencyBucketsMillis)
  const engine = countingHistogram(engineBucketsMicros)
  const rejections: Record<string, number> = {}
  let { openOrders, accounts, instruments } = counts
  let orders = 0
  let trades = 0
  let commandCount = 0
  let duplicates = 0
  let poison = 0
  let lagMillis = 0
  let snapshotPauseMillis = 0
  let snapshotBytes = 0

  /** The book's sizes follow from what the engine says, whoever hears it. */
  const follow = (event: Event) => {
    switch (event.type) {
      case 'order-accepted':
        openOrders++
        break
      case 'trade-executed':
        if (event.maker.remainingLots === 0) openOrders--
        if (event.taker.remainingLots === 0) openOrders--
        break
      case 'order-cancelled':
        openOrders--
        break
      case 'account-opened':
        accounts++
        break
      case 'instrument-listed':
        instruments++
        break
    }
  }

  const count = (event: Event) => {
    if (event.type === 'order-rejected' || event.type === 'command-rejected')
      rejections[event.code] = (rejections[event.code] ?? 0) + 1
    else if (event.type === 'trade-executed') trades++
    else if (event.type === 'command-duplicated') duplicates++
    else if (event.type === 'frame-poisoned') poison++
  }

  return {
    told(events) {
      for (const event of events) follow(event)
    },
    applied(arrivalMillis, commands, events) {
      lagMillis = Math.max(0, now() - arrivalMillis)
      appliedLatency.add(lagMillis)
      commandCount += commands.length
      for (const { type } of commands) if (type === 'place-order') orders++
      for (const event of events) count(event)
    },
    engineTook: micros => engine.add(micros),
    published: arrivalMillis => latency.add(Math.max(0, now() - arrivalMillis)),
    snapshotTaken(pauseMillis, bytes) {
      snapshotPauseMillis = pauseMillis
      snapshotBytes = bytes
    },
    read({ millisBehindLatest, ...position }) {
      const delay = {
        p50: rounded(eventLoop.percentile(50) / nanosPerMilli),
        p99: rounded(eventLoop.percentile(99) / nanosPerMilli),
        max: rounded(eventLoop.max / nanosPerMilli),
      }
      eventLoop.reset()
      return {
        at: now(),
        started_at: startedAt,
        epoch,
        lane,
        orders,
        rejections: { ...rejections },
        trades,
        commands: commandCount,
        duplicates,
        poison,
        ...position,
        lag_millis: Math.max(lagMillis, millisBehindLatest),
        latency_millis: latency.read(),
        applied_millis: appliedLatency.read(),
        engine_micros: engine.read(),
        event_loop_delay_millis: delay,
        snapshot_pause_millis: rounded(snapshotPauseMillis),
        snapshot_bytes: snapshotBytes,
        open_orders: openOrders,
        accounts,
        instruments,
      }
    },
    stop: () => eventLoop.disable(),
  }
}

/** The same as a line of the log from which CloudWatch makes metrics (embedded metric format): since the last one. */
export const embeddedMetrics = (figures: MatcherFigures, before: MatcherFigures | undefined) => {
  const since = (count: (each: MatcherFigures) => number) => count(figures) - (before === undefined ? 0 : count(before))
  const values = {
    Orders: since(each => each.orders),
    Rejections: since(each => Object.values(each.rejections).reduce((sum, count) => sum + count, 0)),
    Trades: since(each => each.trades),
    Commands: since(each => each.commands),
    Duplicates: since(each => each.duplicates),
    Poison: since(each => each.poison),
    UnpublishedEvents: figures.unpublished_events,
    LagMillis: figures.lag_millis,
    PublishedMillisAverage: average(figures.latency_millis, before?.latency_millis),
    EngineMicrosAverage: average(figures.engine_micros, before?.engine_micros),
    EventLoopDelayMillis: figures.event_loop_delay_millis.max,
    OpenOrders: figures.open_orders,
  }
  return {
    _aws: {
      Timestamp: figures.at,
      CloudWatchMetrics: [
        {
          Namespace: 'ComputeExchange',
          Dimensions: [['Lane']],
          Metrics: Object.keys(values).map(Name => ({ Name, Unit: unitOf(Name) })),
        },
      ],
    },
    Lane: String(figures.lane),
    epoch: figures.epoch,
    input_sequence: figures.input_sequence,
    out_seq: figures.out_seq,
    ...values,
  }
}

const unitOf = (name: string): string => {
  if (name.includes('Millis')) return 'Milliseconds'
  return name.includes('Micros') ? 'Microseconds' : 'Count'
}

const average = (histogram: Histogram, before: Histogram | undefined): number => {
  const count = histogram.count - (before?.count ?? 0)
  return count === 0 ? 0 : rounded((histogram.sum - (before?.sum ?? 0)) / count)
}

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000

const countingHistogram = (buckets: readonly number[]) => {
  const counts = Array.from({ length: buckets.length + 1 }, () => 0)
  let sum = 0
  let count = 0
  return {
    add(value: number) {
      let bucket = 0
      while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket++
      counts[bucket] = (counts[bucket] ?? 0) + 1
      sum += value
      count++
    },
    read: (): Histogram => ({ buckets, counts: [...counts], sum: rounded(sum), count }),
  }
}
