import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { pause } from '#adapters/streams/reader.ts'
import { getLease, type Lease } from '#adapters/tables/lanes.ts'
import type { Rejection } from './http.ts'

export type Backpressure = Rejection<'lane-behind' | 'lane-halted'>

/** Why no new order is taken now; undefined where orders are taken. */
export type PressureNow = () => Promise<Backpressure | undefined>

/** From an order's arrival until it was applied, as the leader says. */
const mostBehindMillis = 5_000
/** Without a word of any leader; one writes several times a second, and another takes over within five. */
const mostSilentMillis = 10_000
/** A copy of the lease is good for so long; then it is read anew beside the request, and later before its answer. */
const freshMillis = 1_000
const staleMillis = 3_000
/** Nobody waits longer for it than this. */
const mostReadMillis = 1_000
/** What was seen longer ago than this says nothing about whether a lane has stayed behind. */
const mostRememberedMillis = 10_000
const haltedRetrySeconds = 30
const longestRetrySeconds = 10

const logger = new Logger()
const metrics = new Metrics()

/** A look at a lease, by this process's monotonic clock. */
interface Look {
  readonly lease: Lease
  readonly atMillis: number
  /** By how much the lane is later than it may be; 0 where it is not. */
  readonly excessMillis: number
  /** The first of the looks in a row that found it late. */
  readonly lateSinceMillis: number | undefined
}

interface Known {
  look?: Look
  reading?: Promise<void>
  /** It could not be read: for a moment nobody tries again. */
  failedAtMillis?: number
}

const lanes = new Map<number, Known>()

/** For tests, whose tables come and go. */
export const forgetLeases = (): void => lanes.clear()

/**
 * Takes a request that may hold new orders, and looks at the lane beside it: a busy process asks once a second and waits
 * for no answer. Cancels and whatever else makes risk smaller does not come here.
 */
export const underBackpressure = async <Answer>(
  lane: number,
  take: (pressureNow: PressureNow) => Promise<Answer>,
): Promise<Answer> => {
  const looking = isOlder(lane, freshMillis) ? look(lane) : undefined
  try {
    return await take(() => pressure(lane))
  } finally {
    // Lambda freezes the process once it has its answer: what runs beside must have ended by then.
    await looking
  }
}

/**
 * A wall clock may be wrong, and may be moved: only a lane that is late at two looks, a second apart, refuses orders.
 * Whoever is the first to find it late looks again itself. A lease that cannot be read keeps nobody back.
 */
const pressure = async (lane: number): Promise<Backpressure | undefined> => {
  if (isOlder(lane, staleMillis)) await look(lane)
  const seen = known(lane).look
  if (seen === undefined || isOlder(lane, staleMillis)) return undefined
  const halted = haltedIn(seen)
  if (halted !== undefined || seen.lateSinceMillis === undefined) return halted
  if (seen.atMillis - seen.lateSinceMillis >= freshMillis) return lateBy(seen)
  await pause(Math.max(seen.lateSinceMillis + freshMillis - performance.now(), 0))
  await look(lane)
  const again = known(lane).look
  if (again === undefined || again === seen) return undefined
  return haltedIn(again) ?? (again.lateSinceMillis === undefined ? undefined : lateBy(again))
}

const haltedIn = ({ lease }: Look): Backpressure | undefined =>
  lease.halted === undefined
    ? undefined
    : { code: 'lane-halted', headers: { 'retry-after': String(haltedRetrySeconds) } }

const lateBy = ({ excessMillis }: Look): Backpressure => {
  const seconds = Math.min(longestRetrySeconds, Math.max(1, Math.ceil(excessMillis / 1_000)))
  return { code: 'lane-behind', headers: { 'retry-after': String(seconds) } }
}

const known = (lane: number): Known => {
  const found = lanes.get(lane) ?? {}
  lanes.set(lane, found)
  return found
}

const isOlder = (lane: number, millis: number): boolean => {
  const { look: seen } = known(lane)
  return seen === undefined || performance.now() - seen.atMillis >= millis
}

/** All who ask meanwhile share the one read. Never fails. */
const look = (lane: number): Promise<void> => {
  const state = known(lane)
  if (performance.now() - (state.failedAtMillis ?? Number.NEGATIVE_INFINITY) < freshMillis) return Promise.resolve()
  state.reading ??= read(lane, state).finally(() => {
    delete state.reading
  })
  return state.reading
}

const read = async (lane: number, state: Known): Promise<void> => {
  const atMillis = performance.now()
  const end = new AbortController()
  try {
    const lease = await Promise.race([getLease(lane), tooLate(end.signal)])
    state.look = lookAt(lease, atMillis, state.look)
    delete state.failedAtMillis
  } catch (error) {
    state.failedAtMillis = performance.now()
    logger.warn('the lease of a lane cannot be read: new orders pass', { lane, error })
    metrics.singleMetric().addDimension('lane', String(lane)).addMetric('LeasesUnread', MetricUnit.Count, 1)
  } finally {
    end.abort()
  }
}

const tooLate = async (signal: AbortSignal): Promise<never> => {
  await pause(mostReadMillis, signal)
  throw new Error(`no answer within ${mostReadMillis} ms`)
}

const lookAt = (lease: Lease, atMillis: number, last: Look | undefined): Look => {
  const before = last !== undefined && atMillis - last.atMillis < mostRememberedMillis ? last : undefined
  const excessMillis = lease.epoch === 0 ? 0 : excessOf(lease, before)
  const lateSinceMillis = excessMillis > 0 ? (before?.lateSinceMillis ?? atMillis) : undefined
  return { lease, atMillis, excessMillis, lateSinceMillis }
}

const excessOf = ({ health, version }: Lease, before: Look | undefined): number => {
  // A leader that writes is not silent, whatever its clock says.
  const hasWritten = before !== undefined && before.lease.version !== version
  const silentMillis = hasWritten ? 0 : Date.now() - health.atMillis
  return Math.max(0, health.behindMillis - mostBehindMillis, silentMillis - mostSilentMillis)
}
