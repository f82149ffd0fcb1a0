/** Orders flow, parts are killed; then all is still, and what is stored is compared with what was asked for. */
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeOrdersFrame } from '#protocol/orders-frame.ts'
import { createRandom, type Random } from '#test/support/random-commands.ts'
import { type Comparison, compare } from './compare.ts'
import { openStores, type Stores } from './evidence.ts'
import type { Exchange } from './exchange.ts'
import { createStriker, type Failover, type Fault } from './faults.ts'
import { startFlow } from './flow.ts'

export interface ChaosOptions {
  readonly exchange: Exchange
  readonly seed: number
  readonly millis: number
  /** No more once there were so many. */
  readonly kills?: number
  /** These and no others, one after the other; then it ends. */
  readonly faults?: readonly Fault[]
  readonly accounts: number
  /** Between two requests of an account, at most. */
  readonly pauseMillis: number
  /** Puts records into the order stream past the intake: some that cannot be read, some a second time. */
  readonly putsRecords: boolean
  readonly onProgress?: (phase: 'faults' | 'replay', part: number) => void
}

export interface ChaosReport extends Omit<Comparison, 'violations'> {
  readonly seed: number
  readonly seconds: number
  readonly requests: Readonly<Record<string, number>>
  readonly kills: number
  readonly faults: Readonly<Record<Fault, number>>
  readonly failovers: readonly Failover[]
  /** Why matchers stopped by themselves, and how often: to be fenced is what becomes of a leader that was frozen. */
  readonly stops: Readonly<Record<string, number>>
  readonly drainSeconds: number
  readonly violations: readonly string[]
}

const lane = 1
const instruments = 3
const drainLimitMillis = 180_000
const recordEveryMillis = 5_000

export const runChaos = async (options: ChaosOptions): Promise<ChaosReport> => {
  const { exchange, seed, millis, kills = Number.POSITIVE_INFINITY, faults, onProgress = () => undefined } = options
  const stores = await openStores(lane, exchange.aws)
  const random = createRandom(seed)
  const run = Date.now().toString(36).toUpperCase()
  const startedMillis = performance.now()
  try {
    const flow = await startFlow({ ...options, url: exchange.url, run, instruments })
    const striker = createStriker({ exchange, stores, random, probe: flow.probe })
    const putting = new AbortController()
    const put = options.putsRecords ? putRecords(stores, createRandom(~seed), putting.signal) : Promise.resolve(0)
    put.catch(() => undefined)
    try {
      const flowingMillis = performance.now()
      const planned = [...(faults ?? [])]
      for (let part = 0; part < 1; ) {
        await sleep(random.between(50, 800))
        const struck = await striker.strike(faults === undefined ? undefined : planned.shift())
        // What keeps the exchange down for so long will not end by itself.
        if (struck === undefined && striker.violations.length > 0) break
        const passed = (performance.now() - flowingMillis) / millis
        part = Math.max(passed, striker.kills() / kills, faults === undefined ? 0 : 1 - planned.length / faults.length)
        onProgress('faults', Math.min(1, part))
      }
    } finally {
      putting.abort()
      await striker.stop()
    }
    await flow.stop()
    const poisoned = await put

    const drainedFrom = performance.now()
    const undrained = await drain(stores)
    const drainSeconds = (performance.now() - drainedFrom) / 1_000
    const [orders, tables, skipped] = await Promise.all([
      stores.records('orders'),
      stores.tables(),
      stores.skippedRecords(),
    ])
    // After the orders were read: what they led to is there by now.
    const executions = await stores.records('executions')
    const compared = await compare(
      { lane, acknowledged: flow.acknowledged, refused: flow.refused, orders, executions, tables },
      part => onProgress('replay', part),
    )
    return {
      ...compared,
      seed,
      seconds: (performance.now() - startedMillis) / 1_000,
      requests: { ...flow.counts },
      kills: striker.kills(),
      faults: striker.counts,
      failovers: striker.failovers,
      stops: striker.stops,
      drainSeconds,
      violations: [
        ...striker.violations,
        ...flow.violations,
        ...undrained,
        ...skipped.map(row => `the engine failed on a record: ${row}`),
        ...striker.divergences.map(said => `a matcher has found its lane diverged: ${said}`),
        ...(compared.poison < poisoned ? [`${poisoned} records were poison, ${compared.poison} are told of`] : []),
        ...compared.violations,
      ],
    }
  } finally {
    stores.close()
  }
}

/**
 * Until the lane has published, and every projector has applied, all that was in the stream when nobody asked for
 * anything any more: ticks go on, but they change no row.
 */
const drain = async (stores: Stores): Promise<readonly string[]> => {
  const mark = await stores.putOrderRecord(encodeOrdersFrame(lane, []))
  let reached: string | undefined
  for (
    const startedMillis = performance.now();
    performance.now() - startedMillis < drainLimitMillis;
    await sleep(500)
  ) {
    const { sequence, outSeq } = await stores.lease()
    if (sequence < mark) {
      reached = 'the checkpoint does not come to the last record'
      continue
    }
    const watermarks = await stores.watermarks()
    const behind = Object.entries(watermarks).filter(([, watermark]) => watermark < outSeq)
    if (behind.length === 0) return []
    // The lane goes on: what it says by now is waited for, once.
    const target = outSeq
    for (; performance.now() - startedMillis < drainLimitMillis; await sleep(200)) {
      const late = Object.entries(await stores.watermarks()).filter(([, watermark]) => watermark < target)
      if (late.length === 0) return []
      reached = late.map(([name, watermark]) => `${name} has come to ${watermark} of ${target}`).join(', ')
    }
  }
  return [`not all was drained within ${drainLimitMillis / 1_000} s: ${reached}`]
}

/** Answers how many of them nobody can read. */
const putRecords = async (stores: Stores, random: Random, signal: AbortSignal): Promise<number> => {
  let poison = 0
  let records = await stores.records('orders')
  while (!signal.aborted) {
    await sleep(random.between(recordEveryMillis / 2, recordEveryMillis), undefined, { signal }).catch(() => undefined)
    if (signal.aborted) break
    if (random.chance(0.5)) {
      // As a producer does whose acknowledgement was lost.
      if (random.chance(0.2)) records = await stores.records('orders')
      const { data } = random.pick(records)
      await stores.putOrderRecord(data)
    } else {
      const frame = Buffer.from(encodeOrdersFrame(lane, []))
      const at = random.below(frame.length)
      frame.writeUInt8(frame.readUInt8(at) ^ random.between(1, 255), at)
      await stores.putOrderRecord(random.chance(0.5) ? frame : frame.subarray(0, random.between(1, frame.length - 1)))
      poison += 1
    }
  }
  return poison
}
