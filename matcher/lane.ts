import { quarantine } from '#adapters/snapshots.ts'
import { type Batch, backoffMillis, pause, type StreamReader, type StreamRecord } from '#adapters/streams/reader.ts'
import type { Checkpoint } from '#adapters/tables/lanes.ts'
import type { Engine } from '#domain/trading/engine.ts'
import { writeEvent } from '#domain/trading/event-messages.ts'
import { firstChain } from '#protocol/executions-frame.ts'
import type { ExecutionPublisher, Publishable } from './execution-publisher.ts'
import type { Figures } from './figures.ts'
import { LaneHalted } from './halt.ts'
import { type Log, told } from './log.ts'
import { adaptRecord, type Input } from './order-adapter.ts'
import type { Position } from './position.ts'
import { sectionsOf } from './sections.ts'

/** Where the engine stands before the first record is read. */
export interface Start {
  readonly engine: Engine
  /** That of the snapshot; undefined for an empty engine. */
  readonly position: Position | undefined
  readonly laneMillis: number
}

export interface LaneOptions {
  readonly lane: number
  readonly start: Start
  /** As it was when the lane was claimed: what is published already. */
  readonly checkpoint: Checkpoint
  readonly reader: StreamReader
  /** How long the order stream keeps a record. */
  readonly retentionMillis: number
  readonly publisher: ExecutionPublisher
  readonly figures: Figures
  readonly heard: () => void
  readonly log: Log
  readonly now: () => number
  /** Reading waits while more events than these are not published. */
  readonly maxUnpublishedEvents?: number
}

export interface Lane {
  /** Applies record after record until the signal is given. Throws LaneHalted where it may not go on. */
  run(signal: AbortSignal): Promise<void>
  position(): Position
  /** Of the first record that the lane has ever applied; empty before that. */
  firstSequence(): string
  millisBehindLatest(): number
  /** All that was there when the stream was last read is applied. */
  isCaughtUp(): boolean
  /** The engine has been found to come to the state that was published. */
  isVerified(): boolean
  /** The last record that held anything; ticks do not. */
  lastWork(): string
}

const maxUnpublishedEventsByDefault = 20_000
/** As long as matching keeps the event loop from everything else. */
const sliceMillis = 5

/**
 * Ties the engine to the streams. Everything up to the checkpoint is only replayed: its events must come out as they
 * were published. Everything after it is published, also what a leader before us may have published already: it has the
 * same numbers and the same bytes.
 */
export const createLane = (options: LaneOptions): Lane => {
  const { lane, start, checkpoint, reader, retentionMillis, publisher, figures, heard, log, now } = options
  const { maxUnpublishedEvents = maxUnpublishedEventsByDefault } = options
  const { engine } = start
  const published: Position = {
    sequence: checkpoint.sequenceNumber ?? '',
    outSeq: checkpoint.outSeq,
    chain: checkpoint.chain === '' ? firstChain : checkpoint.chain,
  }
  let position: Position = start.position ?? { sequence: '', outSeq: 0, chain: firstChain }
  let firstSequence = checkpoint.firstSequenceNumber ?? ''
  /** The record that must still be the first in the stream that we read: without it, others may be missing too. */
  let anchor = start.position?.sequence ?? checkpoint.firstSequenceNumber
  let isVerified = published.sequence === ''
  let millisBehindLatest = 0
  let isCaughtUp = false
  let lastWork = position.sequence

  const recordsMissing = (message: string): LaneHalted =>
    new LaneHalted('records-missing', `the order stream of lane ${lane} ${message}: replaying it would lose orders`, {
      replay_after: position.sequence,
      expected: anchor ?? published.sequence,
      checkpoint: published.sequence,
    })

  const diverged = (): LaneHalted =>
    new LaneHalted('divergence', `lane ${lane} does not come to the state that was published`, {
      sequence: position.sequence,
      out_seq: position.outSeq,
      chain: position.chain,
      published_sequence: published.sequence,
      published_out_seq: published.outSeq,
      published_chain: published.chain,
    })

  /** At the end of each record until the checkpoint is reached: it must be met exactly. */
  const verify = () => {
    if (isVerified) return
    const { sequence, outSeq, chain } = position
    if (sequence < published.sequence) {
      if (outSeq > published.outSeq) throw diverged()
      return
    }
    // A snapshot may lie behind the checkpoint, with ticks in between that said nothing.
    const isMet = sequence === published.sequence || sequence === start.position?.sequence
    if (!isMet) throw recordsMissing('does not hold the record of the checkpoint')
    if (outSeq !== published.outSeq || chain !== published.chain) throw diverged()
    isVerified = true
  }

  /** Leaves the record's events on the engine's tape. */
  const applyToEngine = (input: Input): void => {
    const { content } = input
    try {
      engine.told.clear()
      engine.advance(input.arrivalMillis)
      if (content.kind === 'poison') {
        writeEvent(engine.told, content.event)
        return
      }
      const { words, count } = content
      if (count === 0) return
      const startedMillis = performance.now()
      engine.applyAll(words, content.from, count)
      figures.engineTook(((performance.now() - startedMillis) * 1_000) / count, count)
    } catch (cause) {
      throw new LaneHalted('engine-failed', `the engine failed on record ${input.sequence}`, told(cause), cause)
    }
  }

  const apply = (record: StreamRecord, stopped: AbortSignal) => {
    const input = adaptRecord(record, lane)
    if (anchor !== undefined) {
      if (input.sequence !== anchor) throw recordsMissing('no longer begins with the record that was applied last')
      anchor = undefined
    }
    // Read again, because a position was: it has had its disposition.
    if (input.sequence <= position.sequence) return
    if (firstSequence === '') firstSequence = input.sequence
    applyToEngine(input)
    const commands = input.content.kind === 'commands' ? input.content.count : 0
    if (commands > 0 || input.content.kind === 'poison') lastWork = input.sequence
    const sections = sectionsOf(position.chain, input.sequence, engine.laneMillis, engine.told)
    let firstOutSeq = position.outSeq + 1
    position = {
      sequence: input.sequence,
      outSeq: position.outSeq + engine.told.count,
      chain: sections.at(-1)?.chain ?? position.chain,
    }
    const isNew = input.sequence > published.sequence
    verify()
    if (!isNew) return
    figures.applied(input.arrivalMillis, commands, engine.told)
    const kept = input.content.kind === 'poison' ? putInQuarantine(input.sequence, input.content, stopped) : undefined
    const publishable: Publishable[] = []
    for (const [index, { bytes, count }] of sections.entries()) {
      const isLast = index === sections.length - 1
      const end = { ...position, arrivalMillis: input.arrivalMillis, ...(kept === undefined ? {} : { kept }) }
      publishable.push({ bytes, count, firstOutSeq, ...(isLast ? { end } : {}) })
      firstOutSeq += count
    }
    publisher.offer(publishable)
  }

  /** Matching does not wait for it, the checkpoint does: after a crash it is done again. */
  const putInQuarantine = async (
    sequence: string,
    { event, bytes }: Extract<Input['content'], { kind: 'poison' }>,
    stopped: AbortSignal,
  ): Promise<void> => {
    log.error('a record cannot be read and goes to quarantine', {
      sequence,
      reason: event.reason,
      bytes: event.bytes,
      sha256: event.sha256,
    })
    for (let attempt = 1; ; attempt++) {
      try {
        return await quarantine(lane, sequence, bytes)
      } catch (error) {
        log.error('quarantine does not take a record; trying again', { sequence, attempt, ...told(error) })
        await pause(backoffMillis(attempt, 200), stopped)
        // Never kept, then: the checkpoint stays before it.
        if (stopped.aborted) return new Promise(() => undefined)
      }
    }
  }

  const checkHeld = ({ records, millisBehindLatest: behind }: Batch) => {
    if (records.length > 0) return
    const isExpired = start.position !== undefined && now() - engine.laneMillis > retentionMillis
    if (anchor !== undefined && (behind === 0 || isExpired))
      throw recordsMissing('no longer holds the record that was applied last')
    if (behind === 0 && !isVerified && position.sequence < published.sequence)
      throw recordsMissing('ends before the checkpoint')
  }

  const applyBatch = async (batch: Batch, signal: AbortSignal) => {
    let startedMillis = performance.now()
    for (const record of batch.records) {
      apply(record, signal)
      if (publisher.unpublishedEvents() > maxUnpublishedEvents)
        await Promise.race([publisher.untilBelow(maxUnpublishedEvents / 2), aborted(signal)])
      else if (performance.now() - startedMillis > sliceMillis) await new Promise(resolve => setImmediate(resolve))
      else continue
      if (signal.aborted) return
      startedMillis = performance.now()
    }
  }

  return {
    async run(signal) {
      verify()
      // The last record that was applied must still be there: then all that follow it are.
      const from = start.position === undefined ? ({ from: 'TRIM_HORIZON' } as const) : { at: start.position.sequence }
      const startedMillis = performance.now()
      let isReady = false
      for await (const batch of reader.read(from, signal)) {
        if (batch.records.length > 0) {
          heard()
          isCaughtUp = false
        }
        checkHeld(batch)
        await applyBatch(batch, signal)
        if (signal.aborted) return
        millisBehindLatest = batch.millisBehindLatest
        isCaughtUp = isVerified && batch.millisBehindLatest === 0
        if (isReady || !isCaughtUp) continue
        isReady = true
        log.info('the lane is up to date', { after_millis: Math.round(performance.now() - startedMillis), ...position })
      }
    },
    position: () => position,
    firstSequence: () => firstSequence,
    millisBehindLatest: () => millisBehindLatest,
    isCaughtUp: () => isCaughtUp,
    isVerified: () => isVerified,
    lastWork: () => lastWork,
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
