import { loadSnapshot, pruneSnapshots, putArchive, putSnapshot, type Snapshot } from '#adapters/snapshots.ts'
import { putExecutions } from '#adapters/streams/executions.ts'
import { putCommands, putEpoch } from '#adapters/streams/orders.ts'
import {
  backoffMillis,
  fanOutReader,
  lineageOf,
  onlyShard,
  pause,
  pollingReader,
  type Retrying,
  retentionMillisOf,
  StreamNotSingle,
  StreamPositionUnknown,
  type StreamReader,
} from '#adapters/streams/reader.ts'
import {
  claimLane,
  getLease,
  haltLane,
  type LaneHealth,
  type Lease,
  listSkips,
  moveCheckpoint,
  noteSnapshot,
  putFigures,
  putReplica,
  putSkip,
  type Replica,
  releaseLane,
  renewLease,
  type SnapshotFigures,
} from '#adapters/tables/lanes.ts'
import { createEngine, type EngineState, restoreEngine } from '#domain/trading/engine.ts'
import { engineVersions } from '#domain/trading/engine-version.ts'
import type { MatcherFigures } from '#protocol/figures.ts'
import { withArchive } from './archived-reader.ts'
import { archiver } from './archiver.ts'
import { checkpointer } from './checkpointer.ts'
import { executionPublisher } from './execution-publisher.ts'
import { createFigures, type EventLoopDelay, embeddedMetrics, type Figures, metricsOf } from './figures.ts'
import { LaneHalted } from './halt.ts'
import { createLane, type Lane, type Start } from './lane.ts'
import { type Log, told } from './log.ts'
import { createOutbox } from './outbox.ts'
import { createProgress } from './progress.ts'
import { startSnapshotter } from './snapshotter.ts'
import { startTicker, type Ticker } from './ticker.ts'

export interface ReplicaSettings {
  readonly lane: number
  /** Unlike that of any other process, ever. */
  readonly owner: string
  readonly orderStream: string
  readonly executionStream: string
  /** While it leads. A standby polls: it does not need to be fast, and fan-out gives a consumer one reader. */
  readonly read:
    | { readonly transport: 'polling'; readonly intervalMillis: number }
    | { readonly transport: 'fan-out'; readonly consumerArn: string }
  readonly standbyPollMillis: number
  readonly snapshotIntervalMillis: number
  /** A lease whose version stands still for so long is anybody's. */
  readonly leaseMillis: number
  readonly eventLoop: EventLoopDelay
}

const tickSilenceMillis = 200
const reportMillis = 5_000
/** What is applied has this long to be published when the end is asked for; what is not is published by the next. */
const lastPublishingMillis = 6_000
/** A standby's last snapshot waits so long for a leader's last checkpoint. */
const lastSnapshotMillis = 3_000
/**
 * A lane of nothing but ticks has a snapshot taken now and then all the same: a start needs one whose record the stream
 * still holds, and streams keep a day at least.
 */
const oldestSnapshotMillis = 3_600_000
/** What waits to be archived is stored once it is so much, with or without a snapshot. */
const mostArchiveBytes = 4 * 1024 * 1024
/** More records than these at which the engine threw, and somebody has to look. */
const mostSkips = 10

/** After these a replica begins again from a snapshot, as a standby. */
const recoverable: readonly LaneHalted['reason'][] = [
  'fenced',
  'lane-halted',
  'checkpoint-ahead',
  'divergence',
  'engine-failed',
]

/**
 * One of a lane's replicas, until the signal is given: stands by, takes over when nobody leads, and begins again where
 * another has taken over from it. Throws LaneHalted where a new start of the process, or somebody, has to help.
 */
export const runReplica = async (settings: ReplicaSettings, log: Log, stop: AbortSignal): Promise<void> => {
  /** Snapshots as new as this one do not lead to what was published. */
  let olderThan: string | undefined
  /** The engine throws on this record: only who leads may say that it is passed over. */
  let failing: string | undefined
  let attempts = 0
  for (let attempt = 1; !stop.aborted; attempt++) {
    const startedMillis = performance.now()
    try {
      // A name for each time: what was claimed by an attempt whose answer was lost is then known to be its own.
      return await replica({ ...settings, owner: `${settings.owner}/${attempts++}` }, log, stop, {
        olderThan,
        failing,
      })
    } catch (error) {
      const halted = haltedBy(error)
      if (!(halted instanceof LaneHalted) || !recoverable.includes(halted.reason)) throw halted
      const { lane } = settings
      log.error(`lane stopped: ${halted.reason}: ${halted.message}`, {
        reason: halted.reason,
        ...halted.details,
        ...metricsOf(lane, Date.now(), { Halts: 1, Divergences: halted.reason === 'divergence' ? 1 : 0 }),
      })
      if (halted.reason === 'divergence') olderThan = await afterDivergence(lane, halted, log)
      else olderThan = undefined
      failing = halted.reason === 'engine-failed' ? String(halted.details['sequence']) : undefined
      if (performance.now() - startedMillis > 60_000) attempt = 1
      await pause(Math.min(10_000, backoffMillis(attempt, 100)), stop)
    }
  }
}

/** Before it was ever verified, its snapshot may be what is wrong: an older one is tried. Otherwise nobody may lead. */
const afterDivergence = async (lane: number, halted: LaneHalted, log: Log): Promise<string | undefined> => {
  const { snapshot, was_verified } = halted.details
  if (was_verified !== true && typeof snapshot === 'string') {
    log.error('a snapshot does not lead to what was published: trying an older one', {
      key: snapshot,
      ...metricsOf(lane, Date.now(), { SnapshotsPassedOver: 1 }),
    })
    return snapshot
  }
  await haltLane(lane, `${halted.reason}: ${halted.message}`)
  return undefined
}

const replica = async (
  settings: ReplicaSettings,
  log: Log,
  stop: AbortSignal,
  { olderThan, failing }: { readonly olderThan: string | undefined; readonly failing: string | undefined },
): Promise<void> => {
  const { lane, owner, orderStream, executionStream } = settings
  const [lineage, retentionMillis] = await Promise.all([
    lineageOf(orderStream),
    retentionMillisOf(orderStream),
    onlyShard(executionStream),
  ])
  const [firstLease, skips] = await Promise.all([getLease(lane), listSkips(lane)])
  const start = await findStart(lane, lineage, firstLease, olderThan, log)

  const ending = new AbortController()
  const signal = AbortSignal.any([stop, ending.signal])
  let halted: LaneHalted | undefined
  const onHalted = (reason: LaneHalted) => {
    halted ??= reason
    ending.abort()
  }
  let leading: Leading | undefined
  const outbox = createOutbox()
  const progress = createProgress(firstLease.outSeq)
  const archive = archiver(lane, putArchive)
  const theLane: Lane = createLane({
    lane,
    start,
    checkpoint: firstLease,
    retentionMillis,
    skips,
    outbox,
    observer: {
      heard: () => leading?.ticker.heard(),
      engineTook: (micros, commands) => leading?.figures.engineTook(micros, commands),
      applied(record) {
        if (leading === undefined) archive.add(record)
        else if (record.isNew) leading.figures.applied(record.arrivalMillis, record.commands, record.told)
      },
      verified: () => snapshots.look(),
    },
    log,
    now: Date.now,
    stopped: ending.signal,
  })
  let snapshotFigures: SnapshotFigures | undefined
  const snapshots = startSnapshotter<EngineState>({
    lane,
    lineage,
    intervalMillis: settings.snapshotIntervalMillis,
    // The leader never takes one: it would keep orders waiting.
    isDue: since =>
      leading === undefined &&
      theLane.isVerified() &&
      (theLane.lastWork() > (since?.position.sequence ?? start.position?.sequence ?? '') ||
        start.engine.laneMillis - (since?.laneMillis ?? start.laneMillis) >= oldestSnapshotMillis),
    capture: () => ({
      position: theLane.position(),
      laneMillis: start.engine.laneMillis,
      state: start.engine.snapshot(),
    }),
    untilCheckpointed: progress.until,
    archive: archive.keep,
    put: putSnapshot,
    note: noteSnapshot,
    prune: pruneSnapshots,
    onTaken(pauseMillis, bytes) {
      snapshotFigures = { atMillis: Date.now(), bytes, pauseMillis }
    },
    log,
  })
  const reporter = startReporter(
    settings,
    theLane,
    () => leading,
    () => snapshotFigures,
    firstLease,
    log,
  )

  try {
    const following = new AbortController()
    const reader = withArchive(lane, standbyReader(settings, log), firstLease.firstSequenceNumber, log)
    const whileFollowing = AbortSignal.any([signal, following.signal])
    const waitBefore = failing !== undefined && !skips.has(failing) ? failing : undefined
    const run = theLane.run(reader, whileFollowing, waitBefore)
    run.catch(() => ending.abort())
    if (waitBefore !== undefined)
      void untilSkipped(settings, waitBefore, whileFollowing, log).then(isSkipped => {
        if (isSkipped)
          onHalted(new LaneHalted('engine-failed', 'a record is passed over now', { sequence: waitBefore }))
      })
    const claimed = await untilClaimed(settings, firstLease, theLane, signal, log, seen => {
      theLane.expect(seen)
      progress.reached(seen.outSeq)
      // What was published in this version of history and is not archived for long is stored in between.
      if (archive.bytes() > mostArchiveBytes && theLane.isVerified())
        archive.keep(seen.sequenceNumber ?? '').catch((error: unknown) => {
          log.error('the archive does not take a part; it stays in memory', told(error))
        })
    })
    following.abort()
    await run
    if (claimed === undefined) {
      if (halted !== undefined) throw halted
      await Promise.race([snapshots.take(), followUp(lane, progress, lastSnapshotMillis, log)])
      return
    }

    archive.drop()
    log.info('leading', {
      epoch: claimed.epoch,
      owner,
      checkpoint_sequence: claimed.sequenceNumber ?? '',
      checkpoint_out_seq: claimed.outSeq,
      kept_events: outbox.unpublishedEvents(),
      ...metricsOf(lane, Date.now(), { Failovers: claimed.epoch > 1 ? 1 : 0 }),
    })
    leading = lead(settings, claimed.epoch, theLane, start, onHalted, progress.reached, log)
    outbox.publishBy(leading.publisher)
    void leading.begin(signal)
    await theLane.run(leaderReader(settings, log), signal)
    // Nothing more is read; what is applied is carried home.
    leading.ticker.stop()
    const { outSeq } = theLane.position()
    const inTime = await Promise.race([
      leading.publisher.untilBelow(0).then(() => progress.until(outSeq)),
      untilAborted(ending.signal),
      pause(lastPublishingMillis).then(() => 'too-late' as const),
    ])
    if (halted !== undefined) throw halted
    if (inTime === 'too-late')
      throw new Error(
        `stopped with ${leading.publisher.unpublishedEvents()} events unpublished: the next leader publishes them`,
      )
    await leading.release()
    log.info('stopped', { ...theLane.position(), checkpoint_out_seq: progress.outSeq() })
  } catch (error) {
    const reason = halted ?? haltedBy(error)
    if (leading !== undefined && reason instanceof LaneHalted && isOurOwn(reason))
      await stepDown(lane, leading, reason, log)
    throw reason
  } finally {
    ending.abort()
    snapshots.stop()
    await leading?.stop()
    await reporter.stop()
  }
}

/** Nobody else has taken the lane yet, and this replica cannot go on. */
const isOurOwn = ({ reason }: LaneHalted): boolean => reason === 'engine-failed' || reason === 'engine-version-unknown'

/** What the engine throws on, it would throw on everywhere: the record is passed over by all from now on. */
const stepDown = async (lane: number, leading: Leading, halted: LaneHalted, log: Log): Promise<void> => {
  try {
    const { sequence, sha256, error_message } = halted.details
    if (halted.reason === 'engine-failed') {
      if ((await listSkips(lane)).size >= mostSkips)
        return await haltLane(lane, `engine-failed: on more than ${mostSkips} records`)
      const skip = { sequence: String(sequence), sha256: String(sha256), why: String(error_message) }
      if (!(await putSkip(lane, leading.epoch, skip))) return
      log.error('a record is passed over from now on', skip)
    }
    await leading.release()
  } catch (error) {
    log.error('the lane could not be given up; its lease runs out', told(error))
  }
}

/** The lease as it is while another leads, until it could be claimed; undefined where the signal came first. */
const untilClaimed = async (
  { lane, owner, leaseMillis }: ReplicaSettings,
  first: Lease,
  theLane: Lane,
  signal: AbortSignal,
  log: Log,
  onSeen: (lease: Lease) => void,
): Promise<Lease | undefined> => {
  let seen = first
  let sinceMillis = performance.now()
  for (let attempt = 0; !signal.aborted; ) {
    try {
      const lease = await getLease(lane)
      if (signal.aborted) return undefined
      attempt = 0
      if (lease.version !== seen.version || lease.epoch !== seen.epoch) sinceMillis = performance.now()
      seen = lease
      onSeen(lease)
      const isFree = lease.epoch === 0 || lease.isReleased || performance.now() - sinceMillis >= leaseMillis
      if (lease.owner === owner) return lease
      if (isFree && lease.halted === undefined && theLane.isVerified()) {
        const claim = await claimLane(lane, owner, lease, Date.now())
        if (claim.claimed) return claim.lease
        log.info('another was faster', { owner: claim.lease.owner, epoch: claim.lease.epoch })
        continue
      }
    } catch (error) {
      if (error instanceof LaneHalted) throw error
      attempt++
      log.warn('the lease cannot be read; standing by', { attempt, ...told(error) })
    }
    // Nobody leads: the first one to be ready is waited for.
    const isUrgent = seen.epoch === 0 || seen.isReleased
    await pause(isUrgent ? 20 : leaseMillis / 10, signal)
  }
  return undefined
}

/** True once the leader has said so; false where the signal came first. */
const untilSkipped = async (
  { lane, leaseMillis }: ReplicaSettings,
  sequence: string,
  signal: AbortSignal,
  log: Log,
): Promise<boolean> => {
  for (; !signal.aborted; await pause(leaseMillis, signal))
    try {
      if ((await listSkips(lane)).has(sequence)) return !signal.aborted
    } catch (error) {
      log.warn('it cannot be read which records are passed over', told(error))
    }
  return false
}

/** While a standby takes its last snapshot, somebody must go on telling it what is published. */
const followUp = async (
  lane: number,
  progress: { reached(outSeq: number): void },
  forMillis: number,
  log: Log,
): Promise<void> => {
  for (const end = performance.now() + forMillis; performance.now() < end; await pause(100))
    try {
      progress.reached((await getLease(lane)).outSeq)
    } catch (error) {
      log.warn('the lease cannot be read', told(error))
    }
  log.warn('the last snapshot is given up: what it holds is not known to be published', {})
}

interface Leading {
  readonly epoch: number
  readonly figures: Figures
  readonly ticker: Ticker
  readonly publisher: ReturnType<typeof executionPublisher>
  /** Tells the stream that a leader has begun, however often it takes. */
  begin(signal: AbortSignal): Promise<void>
  release(): Promise<void>
  stop(): Promise<void>
}

const lead = (
  { lane, leaseMillis, eventLoop }: ReplicaSettings,
  epoch: number,
  theLane: Lane,
  start: Start,
  onHalted: (halted: LaneHalted) => void,
  onMoved: (outSeq: number) => void,
  log: Log,
): Leading => {
  const health = (): LaneHealth => ({ atMillis: Date.now(), behindMillis: theLane.behindMillis() })
  const figures = createFigures({ lane, epoch, counts: () => start.engine.counts(), eventLoop, now: Date.now })
  const checkpoints = checkpointer({
    lane,
    epoch,
    move: moveCheckpoint,
    renew: renewLease,
    health,
    onMoved,
    firstSequence: () => theLane.firstSequence(),
    onHalted,
    renewMillis: leaseMillis / 4,
    log,
  })
  const publisher = executionPublisher({
    lane,
    epoch,
    put: (frame, after) => putExecutions(lane, frame, after),
    onPublished: ends => {
      for (const { kept, arrivalMillis, ...end } of ends) {
        figures.published(arrivalMillis)
        checkpoints.reach(end, kept)
      }
    },
    onHalted,
    log,
  })
  const ticker = startTicker({
    silenceMillis: tickSilenceMillis,
    isCaughtUp: () => theLane.isCaughtUp(),
    put: () => putCommands(lane, []),
    log,
  })
  return {
    epoch,
    figures,
    ticker,
    publisher,
    async begin(signal) {
      for (let attempt = 1; !signal.aborted; attempt++)
        try {
          return await putEpoch(lane, epoch)
        } catch (error) {
          log.warn('the beginning is not acknowledged: telling it again', { attempt, ...told(error) })
          await pause(backoffMillis(attempt, 50), signal)
        }
    },
    async release() {
      await checkpoints.stop()
      await releaseLane(lane, epoch, health())
    },
    async stop() {
      ticker.stop()
      await publisher.stop()
      await checkpoints.stop()
    },
  }
}

const haltedBy = (error: unknown): unknown => {
  if (error instanceof StreamNotSingle) return new LaneHalted('stream-not-single', error.message)
  if (error instanceof StreamPositionUnknown) return new LaneHalted('stream-replaced', error.message, {}, error.cause)
  return error
}

/** The newest snapshot that the checkpoint covers, or an empty engine at the beginning of the stream. */
const findStart = async (
  lane: number,
  lineage: string,
  lease: Lease,
  olderThan: string | undefined,
  log: Log,
): Promise<Start> => {
  const found = await loadSnapshot<EngineState, Start>(
    lane,
    (snapshot, key) => startFrom(snapshot, key, lineage, lease),
    (key, error) =>
      log.error('a snapshot is passed over', {
        key,
        ...told(error),
        ...metricsOf(lane, Date.now(), { SnapshotsPassedOver: 1 }),
      }),
    olderThan,
  )
  if (found === undefined) return { engine: createEngine(lane), position: undefined, laneMillis: 0, key: undefined }
  log.info('snapshot loaded', { key: found.key })
  return found.accepted
}

const startFrom = (snapshot: Snapshot<EngineState>, key: string, lineage: string, lease: Lease): Start => {
  const { inputSequence, outSeq, chain, epoch, state } = snapshot
  const sequence = lease.sequenceNumber ?? ''
  if (snapshot.lineage !== lineage) throw new Error(`it is of another stream: ${snapshot.lineage}, not ${lineage}`)
  if (outSeq > lease.outSeq) throw new Error('it lies beyond the checkpoint: events may not have been published')
  if (inputSequence >= sequence && (outSeq !== lease.outSeq || chain !== lease.chain))
    throw new Error('it contradicts the checkpoint')
  const engine = restoreEngine(state)
  return { engine, position: { sequence: inputSequence, outSeq, chain, epoch }, laneMillis: engine.laneMillis, key }
}

const onRetryOf =
  (log: Log): Retrying =>
  ({ streamName, attempt, error }) =>
    log.warn('the order stream cannot be read; trying again', { stream: streamName, attempt, ...told(error) })

const standbyReader = ({ orderStream, standbyPollMillis }: ReplicaSettings, log: Log): StreamReader =>
  pollingReader({ streamName: orderStream, intervalMillis: standbyPollMillis, onRetry: onRetryOf(log) })

const leaderReader = ({ orderStream, read }: ReplicaSettings, log: Log): StreamReader =>
  read.transport === 'fan-out'
    ? fanOutReader({ streamName: orderStream, consumerArn: read.consumerArn, onRetry: onRetryOf(log) })
    : pollingReader({ streamName: orderStream, intervalMillis: read.intervalMillis, onRetry: onRetryOf(log) })

/** Tells people and programs how the replica is doing: its row, and the log from which metrics are made. */
const startReporter = (
  { lane, owner }: ReplicaSettings,
  theLane: Lane,
  leading: () => Leading | undefined,
  snapshot: () => SnapshotFigures | undefined,
  first: Lease,
  log: Log,
) => {
  let before: MatcherFigures | undefined
  let reporting: Promise<void> = Promise.resolve()
  const startedMillis = Date.now()

  const reportLeader = async ({ figures, publisher }: Leading) => {
    const { sequence, outSeq } = theLane.position()
    const now = figures.read({
      input_sequence: sequence,
      out_seq: outSeq,
      unpublished_events: publisher.unpublishedEvents(),
      lag_millis: theLane.behindMillis(),
    })
    log.info('figures', embeddedMetrics(now, before))
    before = now
    await putFigures(now)
  }

  const report = async () => {
    const now = Date.now()
    const leads = leading()
    const { sequence, outSeq, chain } = theLane.position()
    const taken = snapshot()
    const said: Replica = {
      owner,
      role: leads === undefined ? 'standby' : 'leader',
      atMillis: now,
      engineVersions,
      inputSequence: sequence,
      outSeq,
      chain,
      isVerified: theLane.isVerified(),
      behindMillis: theLane.behindMillis(),
      snapshot: taken,
    }
    try {
      if (leads !== undefined) await reportLeader(leads)
      else
        log.info('standing by', {
          ...metricsOf(lane, now, {
            StandbyBehindMillis: said.behindMillis,
            StandbyUnverified: said.isVerified ? 0 : 1,
            SnapshotAgeMillis: now - (taken?.atMillis ?? startedMillis),
          }),
          epoch: first.epoch,
          input_sequence: sequence,
          out_seq: outSeq,
        })
      await putReplica(lane, said)
    } catch (error) {
      log.error('the figures cannot be stored', told(error))
    }
  }
  reporting = report()
  const timer = setInterval(() => {
    reporting = reporting.then(report)
  }, reportMillis)
  return {
    async stop() {
      clearInterval(timer)
      await reporting.then(report)
    },
  }
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
