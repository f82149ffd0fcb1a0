import { monitorEventLoopDelay } from 'node:perf_hooks'
import { rejectionCodes } from '#domain/outcome.ts'
import { eventType, typeOf, wordsOf } from '#domain/trading/messages.ts'
import type { Tape } from '#domain/trading/tape.ts'
import { engineBucketsMicros, type Histogram, latencyBucketsMillis, type MatcherFigures } from '#protocol/figures.ts'
import { metricsNamespace } from '#protocol/metrics.ts'

/** What the engine holds now. */
export interface BookCounts {
  readonly openOrders: number
  readonly accounts: number
  readonly instruments: number
}

export interface Figures {
  /** A record that is published now, not for the sake of replay: how many commands, and what they led to. */
  applied(arrivalMillis: number, commands: number, told: Tape): void
  /** So long for each of so many commands. */
  engineTook(micros: number, commands: number): void
  published(arrivalMillis: number): void
  read(now: Pick<MatcherFigures, 'input_sequence' | 'out_seq' | 'unpublished_events' | 'lag_millis'>): MatcherFigures
}

/** How late the process's timers are, since it was last asked. */
export interface EventLoopDelay {
  read(): MatcherFigures['event_loop_delay_millis']
  stop(): void
}

export const measureEventLoop = (): EventLoopDelay => {
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  return {
    read() {
      const [p50, p99] = [50, 99].map(share => rounded(delay.percentile(share) / nanosPerMilli))
      const max = rounded(delay.max / nanosPerMilli)
      delay.reset()
      return { p50: p50 ?? 0, p99: p99 ?? 0, max }
    },
    stop: () => delay.disable(),
  }
}

interface FiguresOptions {
  readonly lane: number
  readonly epoch: number
  readonly counts: () => BookCounts
  readonly eventLoop: EventLoopDelay
  readonly now: () => number
}

const nanosPerMilli = 1e6
const acceptedWithInstructions = eventType['order-accepted-with-instructions']
const rejectedWithInstructions = eventType['order-rejected-with-instructions']

export const createFigures = ({ lane, epoch, counts, eventLoop, now }: FiguresOptions): Figures => {
  const startedAt = now()
  const latency = countingHistogram(latencyBucketsMillis)
  const appliedLatency = countingHistogram(latencyBucketsMillis)
  const engine = countingHistogram(engineBucketsMicros)
  const rejections: Record<string, number> = {}
  let orders = 0
  let trades = 0
  let commandCount = 0
  let duplicates = 0
  let poison = 0

  const count = ({ words, length }: Tape) => {
    for (let at = 0; at < length; at += wordsOf(words[at] as number)) {
      const type = typeOf(words[at] as number)
      if (type === eventType['trade-executed'] || type === eventType['auction-trade-executed']) trades++
      else if (type === eventType['order-accepted'] || type === acceptedWithInstructions) orders++
      else if (type === eventType['order-rejected'] || type === rejectedWithInstructions) {
        orders++
        reject(words[at + 12] as number)
      } else if (type === eventType['command-rejected']) reject((words[at + 6] as number) & 0xffff)
      else if (type === eventType['command-duplicated']) duplicates++
      else if (type === eventType['frame-poisoned']) poison++
    }
  }
  const reject = (number: number) => {
    const code = rejectionCodes[number] ?? String(number)
    rejections[code] = (rejections[code] ?? 0) + 1
  }

  return {
    applied(arrivalMillis, commands, told) {
      appliedLatency.add(Math.max(0, now() - arrivalMillis))
      commandCount += commands
      count(told)
    },
    engineTook: (micros, commands) => engine.add(micros, commands),
    published: arrivalMillis => latency.add(Math.max(0, now() - arrivalMillis)),
    read(position) {
      const { openOrders, accounts, instruments } = counts()
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
        latency_millis: latency.read(),
        applied_millis: appliedLatency.read(),
        engine_micros: engine.read(),
        event_loop_delay_millis: eventLoop.read(),
        open_orders: openOrders,
        accounts,
        instruments,
      }
    },
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
    EngineMicrosP50: quantile(0.5, figures.engine_micros, before?.engine_micros),
    EngineMicrosP99: quantile(0.99, figures.engine_micros, before?.engine_micros),
    EventLoopDelayMillis: figures.event_loop_delay_millis.max,
    OpenOrders: figures.open_orders,
    Epoch: figures.epoch,
  }
  const { epoch, input_sequence, out_seq } = figures
  return { ...metricsOf(figures.lane, figures.at, values), epoch, input_sequence, out_seq }
}

/** A line of the log that CloudWatch takes as metrics of the lane. */
export const metricsOf = (lane: number, atMillis: number, values: Readonly<Record<string, number>>) => ({
  _aws: {
    Timestamp: atMillis,
    CloudWatchMetrics: [
      {
        Namespace: metricsNamespace,
        Dimensions: [['Lane']],
        Metrics: Object.keys(values).map(Name => ({ Name, Unit: unitOf(Name) })),
      },
    ],
  },
  Lane: String(lane),
  ...values,
})

const unitOf = (name: string): string => {
  if (name.includes('Millis')) return 'Milliseconds'
  return name.includes('Micros') ? 'Microseconds' : 'Count'
}

const average = (histogram: Histogram, before: Histogram | undefined): number => {
  const count = histogram.count - (before?.count ?? 0)
  return count === 0 ? 0 : rounded((histogram.sum - (before?.sum ?? 0)) / count)
}

/** The upper bound of the bucket that it lies in, since the last figures; above all bounds the greatest of them. */
const quantile = (share: number, { buckets, counts }: Histogram, before: Histogram | undefined): number => {
  const since = counts.map((count, index) => count - (before?.counts[index] ?? 0))
  const rank = share * since.reduce((sum, count) => sum + count, 0)
  if (rank === 0) return 0
  let seen = 0
  const bucket = since.findIndex(count => {
    seen += count
    return seen >= rank
  })
  return buckets[bucket] ?? buckets.at(-1) ?? 0
}

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000

const countingHistogram = (buckets: readonly number[]) => {
  const counts = Array.from({ length: buckets.length + 1 }, () => 0)
  let sum = 0
  let count = 0
  return {
    add(value: number, times = 1) {
      let bucket = 0
      while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket++
      counts[bucket] = (counts[bucket] ?? 0) + times
      sum += value * times
      count += times
    },
    read: (): Histogram => ({ buckets, counts: [...counts], sum: rounded(sum), count }),
  }
}
