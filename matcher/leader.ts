import { loadSnapshot, pruneSnapshots, putSnapshot, type Snapshot } from '#adapters/snapshots.ts'
import { putExecutions } from '#adapters/streams/executions.ts'
import { putCommands } from '#adapters/streams/orders.ts'
import {
  fanOutReader,
  onlyShard,
  pause,
  pollingReader,
  type Retrying,
  retentionMillisOf,
  StreamNotSingle,
  StreamPositionUnknown,
  type StreamReader,
} from '#adapters/streams/reader.ts'
import { type Checkpoint, claimLane, moveCheckpoint, noteSnapshot, putFigures } from '#adapters/tables/lanes.ts'
import { createEngine, type Engine, type EngineState, restoreEngine } from '#domain/trading/engine.ts'
import type { MatcherFigures } from '#protocol/figures.ts'
import { checkpointer } from './checkpointer.ts'
import { executionPublisher } from './execution-publisher.ts'
import { createFigures, embeddedMetrics, type Figures } from './figures.ts'
import { LaneHalted } from './halt.ts'
import { createLane, type Lane, type Start } from './lane.ts'
import { type Log, told } from './log.ts'
import type { Position } from './position.ts'
import { startSnapshotter } from './snapshotter.ts'
import { startTicker } from './ticker.ts'

export interface LeaderSettings {
  readonly lane: number
  /** Unlike that of any other process, ever. */
  readonly owner: string
  readonly orderStream: string
  readonly executionStream: string
  readonly read:
    | { readonly transport: 'polling'; readonly intervalMillis: number }
    | { readonly transport: 'fan-out'; readonly consumerArn: string }
  readonly snapshotIntervalMillis: number
}

const tickSilenceMillis = 200
const figuresIntervalMillis = 5_000
/** What is applied has this long to be published when the end is asked for; what is not is published by the next. */
const lastPublishingMillis = 6_000
/**
 * A lane of nothing but ticks has a snapshot taken now and then all the same: a start needs one whose record the stream
 * still holds, and streams keep a day at least.
 */
const oldestSnapshotMillis = 3_600_000

/** Takes over a lane and leads it until the signal is given. Throws LaneHalted where it may not, or no longer. */
export const leadLane = async (settings: LeaderSettings, log: Log, stop: AbortSignal): Promise<void> => {
  const { lane, owner, orderStream, executionStream } = settings
  // Before the claim: what cannot work here must not depose a leader that works.
  const retentionMillis = await readStreams(orderStream, executionStream)
  const claim = await claimLane(lane, owner)
  if (!claim.claimed) throw new LaneHalted('claim-lost', `lane ${lane} was taken over by ${claim.by}`)
  const { checkpoint } = claim
  const start = await findStart(lane, checkpoint, log)
  log.info('leading', {
    epoch: checkpoint.epoch,
    owner,
    checkpoint_sequence: checkpoint.sequenceNumber ?? '',
    checkpoint_out_seq: checkpoint.outSeq,
    replay_after: start.position?.sequence ?? 'the beginning of the stream',
  })

  const ending = new AbortController()
  const signal = AbortSignal.any([stop, ending.signal])
  let halted: LaneHalted | undefined
  const onHalted = (reason: LaneHalted) => {
    halted ??= reason
    ending.abort()
  }
  const { epoch } = checkpoint
  const figures = createFigures({ lane, epoch, counts: () => start.engine.counts(), now: Date.now })
  const checkpoints = checkpointer({
    lane,
    epoch,
    from: checkpoint,
    move: moveCheckpoint,
    firstSequence: () => theLane.firstSequence(),
    onHalted,
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
  const theLane: Lane = createLane({
    lane,
    start,
    checkpoint,
    reader: readerOf(settings, log),
    retentionMillis,
    publisher,
    figures,
    heard: ticker.heard,
    log,
    now: Date.now,
  })
  const snapshots = startSnapshotter<EngineState>({
    lane,
    epoch,
    intervalMillis: settings.snapshotIntervalMillis,
    isDue: since =>
      theLane.isVerified() &&
      (theLane.lastWork() > (since?.position.sequence ?? start.position?.sequence ?? '') ||
        start.engine.laneMillis - (since?.laneMillis ?? start.laneMillis) >= oldestSnapshotMillis),
    capture: () => ({
      position: theLane.position(),
      laneMillis: start.engine.laneMillis,
      state: start.engine.snapshot(),
    }),
    untilCheckpointed: checkpoints.untilCheckpointed,
    put: putSnapshot,
    note: noteSnapshot,
    prune: pruneSnapshots,
    onTaken: figures.snapshotTaken,
    log,
  })
  const reporter = startReporter(figures, theLane, publisher.unpublishedEvents, log)

  try {
    await theLane.run(signal)
    // Nothing more is read; what is applied is carried home.
    ticker.stop()
    const { outSeq } = theLane.position()
    const inTime = await Promise.race([
      publisher.untilBelow(0).then(() => checkpoints.untilCheckpointed(outSeq)),
      untilAborted(ending.signal),
      pause(lastPublishingMillis).then(() => 'too-late' as const),
    ])
    if (halted !== undefined) throw halted
    if (inTime === 'too-late')
      throw new Error(
        `stopped with ${publisher.unpublishedEvents()} events unpublished: the next leader publishes them`,
      )
    await snapshots.take()
    log.info('stopped', { ...theLane.position(), checkpoint_out_seq: checkpoints.checkpointedOutSeq() })
  } catch (error) {
    throw halted ?? haltedBy(error)
  } finally {
    ending.abort()
    ticker.stop()
    snapshots.stop()
    await publisher.stop()
    await checkpoints.stop()
    await reporter.stop()
    figures.stop()
  }
}

const readStreams = async (orderStream: string, executionStream: string): Promise<number> => {
  try {
    await Promise.all([onlyShard(orderStream), onlyShard(executionStream)])
    return await retentionMillisOf(orderStream)
  } catch (error) {
    throw haltedBy(error)
  }
}

const haltedBy = (error: unknown): unknown => {
  if (error instanceof StreamNotSingle) return new LaneHalted('stream-not-single', error.message)
  if (error instanceof StreamPositionUnknown) return new LaneHalted('stream-replaced', error.message, {}, error.cause)
  return error
}

/** The newest snapshot that the checkpoint covers, or an empty engine at the beginning of the stream. */
const findStart = async (lane: number, checkpoint: Checkpoint, log: Log): Promise<Start> => {
  const found = await loadSnapshot<EngineState, Start>(
    lane,
    snapshot => startFrom(snapshot, checkpoint),
    (key, error) => log.error('a snapshot is passed over', { key, ...told(error) }),
  )
  if (found === undefined) return { engine: createEngine(lane), position: undefined, laneMillis: 0 }
  log.info('snapshot loaded', { key: found.key })
  return found.accepted
}

const startFrom = (snapshot: Snapshot<EngineState>, checkpoint: Checkpoint): Start => {
  const { inputSequence, outSeq, chain, state } = snapshot
  const sequence = checkpoint.sequenceNumber ?? ''
  if (outSeq > checkpoint.outSeq) throw new Error('it lies beyond the checkpoint: events may not have been published')
  if (inputSequence >= sequence && (outSeq !== checkpoint.outSeq || chain !== checkpoint.chain))
    throw new Error('it contradicts the checkpoint')
  const engine: Engine = restoreEngine(state)
  return { engine, position: { sequence: inputSequence, outSeq, chain }, laneMillis: engine.laneMillis }
}

const readerOf = ({ orderStream, read }: LeaderSettings, log: Log): StreamReader => {
  const onRetry: Retrying = ({ streamName, attempt, error }) =>
    log.warn('the order stream cannot be read; trying again', { stream: streamName, attempt, ...told(error) })
  return read.transport === 'fan-out'
    ? fanOutReader({ streamName: orderStream, consumerArn: read.consumerArn, onRetry })
    : pollingReader({ streamName: orderStream, intervalMillis: read.intervalMillis, onRetry })
}

const startReporter = (figures: Figures, lane: Lane, unpublishedEvents: () => number, log: Log) => {
  let before: MatcherFigures | undefined
  let reporting: Promise<void> = Promise.resolve()
  const report = async () => {
    const { sequence, outSeq }: Position = lane.position()
    const now = figures.read({
      input_sequence: sequence,
      out_seq: outSeq,
      unpublished_events: unpublishedEvents(),
      millisBehindLatest: lane.millisBehindLatest(),
    })
    log.info('figures', embeddedMetrics(now, before))
    before = now
    try {
      await putFigures(now)
    } catch (error) {
      log.error('the figures cannot be stored', told(error))
    }
  }
  const timer = setInterval(() => {
    reporting = reporting.then(report)
  }, figuresIntervalMillis)
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
