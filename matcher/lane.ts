import { hash } from 'node:crypto'
import { quarantine } from '#adapters/snapshots.ts'
import {
  type Batch,
  backoffMillis,
  paddedSequence,
  pause,
  type StreamReader,
  type StreamRecord,
} from '#adapters/streams/reader.ts'
import type { Checkpoint, Skip } from '#adapters/tables/lanes.ts'
import type { Engine } from '#domain/trading/engine.ts'
import { EngineVersionUnknown } from '#domain/trading/engine-version.ts'
import { writeEvent } from '#domain/trading/event-messages.ts'
import type { Tape } from '#domain/trading/tape.ts'
import { firstChain } from '#protocol/executions-frame.ts'
import type { Publishable } from './execution-publisher.ts'
import { LaneHalted } from './halt.ts'
import { type Log, told } from './log.ts'
import { adaptRecord, type Input, poisonOf } from './order-adapter.ts'
import type { Outbox } from './outbox.ts'
import type { Position } from './position.ts'
import { sectionsOf } from './sections.ts'

/** Where the engine stands before the first record is read. */
export interface Start {
  readonly engine: Engine
  /** That of the snapshot; undefined for an empty engine. */
  readonly position: Position | undefined
  readonly laneMillis: number
  /** Of the snapshot. */
  readonly key: string | undefined
}

export interface LaneOptions {
  readonly lane: number
  readonly start: Start
  /** As it was last seen: what is published already. */
  readonly checkpoint: Checkpoint
  /** How long the order stream keeps a record. */
  readonly retentionMillis: number
  /** Records at which the engine has thrown before, by sequence. */
  readonly skips: ReadonlyMap<string, Skip>
  readonly outbox: Outbox
  readonly observer: LaneObserver
  readonly log: Log
  readonly now: () => number
  /** When nothing is to be carried home any more. */
  readonly stopped: AbortSignal
  /** Reading waits while more events than these are not published. */
  readonly maxUnpublishedEvents?: number
}

/** Who looks on while records are applied. */
export interface LaneObserver {
  /** Something was read. */
  heard(): void
  /** Each record in order, as it lay in the stream, and what it led to. */
  applied(record: AppliedRecord): void
  /** It has come to the state that was published, which it had not before. */
  verified(): void
  /** So long for each of so many commands. */
  engineTook(micros: number, commands: number): void
}

export interface AppliedRecord {
  /** 56 digits. */
  readonly sequence: string
  readonly arrivalMillis: number
  readonly data: Uint8Array
  readonly commands: number
  /** Valid until the next record. */
  readonly told: Tape
  readonly sections: readonly Publishable[]
  /** Beyond the checkpoint when it was applied. */
  readonly isNew: boolean
}

export interface Lane {
  /**
   * Applies record after record until the signal is given, from where it stands; by another reader it may be called
   * again. Before a record at which the engine is known to throw it waits. Throws LaneHalted where it may not go on.
   */
  run(reader: StreamReader, signal: AbortSignal, waitBefore?: string): Promise<void>
  /** The lane's checkpoint lies there now: what was published must be what is kept here. Throws LaneHalted. */
  expect(checkpoint: Checkpoint): void
  position(): Position
  /** Of the first record that the lane has ever applied; empty before that. */
  firstSequence(): string
  /** From the arrival of the newest applied record until it was applied, or how far behind the reader is, if more. */
  behindMillis(): number
  /** All that was there when the stream was last read is applied. */
  isCaughtUp(): boolean
  /** The engine has been found to come to the state that was published. */
  isVerified(): boolean
  /** It was so at least once since the start. */
  wasVerified(): boolean
  /** The last record that held anything; ticks do not. */
  lastWork(): string
}

const maxUnpublishedEventsByDefault = 20_000
/** As long as matching keeps the event loop from everything else. */
const sliceMillis = 5

/**
 * Ties the engine to the streams. Everything up to the checkpoint is only replayed: its events must come out as they
 * were published. Everything after it goes to the outbox, also what a leader may have published already: it has the same
 * numbers and the same bytes.
 */
export const createLane = (options: LaneOptions): Lane => {
  const { lane, start, checkpoint, retentionMillis, skips, outbox, observer, log, now, stopped } = options
  const { maxUnpublishedEvents = maxUnpublishedEventsByDefault } = options
  const { engine } = start
  let published = publishedOf(checkpoint)
  let position: Position = start.position ?? { sequence: '', outSeq: 0, chain: firstChain, epoch: 0 }
  let firstSequence = checkpoint.firstSequenceNumber ?? ''
  /** The record that must still be the first in the stream that we read: without it, others may be missing too. */
  let anchor = start.position?.sequence ?? checkpoint.firstSequenceNumber
  let isVerified = published.sequence === ''
  let wasVerified = isVerified
  let millisBehindLatest = 0
  let lagMillis = 0
  let isCaughtUp = false
  let lastWork = position.sequence
  /** It has thrown in the middle of a record, or come to another state: nobody may lead with it, nor keep it. */
  let isBroken = false
  /** A checkpoint that the end of the stream was seen to lie before. */
  let missed: string | undefined

  const recordsMissing = (message: string): LaneHalted =>
    new LaneHalted('records-missing', `the order stream of lane ${lane} ${message}: replaying it would lose orders`, {
      replay_after: position.sequence,
      expected: anchor ?? published.sequence,
      checkpoint: published.sequence,
    })

  const diverged = (own: Omit<Position, 'epoch'>): LaneHalted => {
    isBroken = true
    return new LaneHalted('divergence', `lane ${lane} does not come to the state that was published`, {
      sequence: own.sequence,
      out_seq: own.outSeq,
      chain: own.chain,
      published_sequence: published.sequence,
      published_out_seq: published.outSeq,
      published_chain: published.chain,
      snapshot: start.key,
      was_verified: wasVerified,
    })
  }

  /** At the end of each record until the checkpoint is reached: it must be met exactly. */
  const verify = () => {
    if (isVerified) return
    const { sequence, outSeq, chain } = position
    if (sequence < published.sequence) {
      if (outSeq > published.outSeq) throw diverged(position)
      return
    }
    // A snapshot may lie behind the checkpoint, with ticks in between that said nothing.
    const isMet = sequence === published.sequence || sequence === start.position?.sequence
    if (!isMet) throw recordsMissing('does not hold the record of the checkpoint')
    if (outSeq !== published.outSeq || chain !== published.chain) throw diverged(position)
    isVerified = true
    wasVerified = true
    outbox.forget(outSeq)
    observer.verified()
  }

  const expect = (next: Checkpoint) => {
    const before = published
    published = publishedOf(next)
    if (firstSequence === '') firstSequence = next.firstSequenceNumber ?? ''
    if (published.sequence > position.sequence) {
      isVerified = false
      return
    }
    if (published.sequence === before.sequence) {
      if (published.outSeq !== before.outSeq || published.chain !== before.chain) throw diverged(before)
      return
    }
    if (published.sequence === position.sequence) {
      isVerified = false
      return verify()
    }
    const own = outbox.endOf(published.sequence)
    if (own === undefined || own.outSeq !== published.outSeq || own.chain !== published.chain)
      throw diverged(own ?? position)
    outbox.forget(published.outSeq)
  }

  /** Leaves the record's events on the engine's tape; answers how many commands it held. */
  const applyToEngine = ({ content, arrivalMillis, sequence }: Input, data: Uint8Array): number => {
    const { told: tape } = engine
    try {
      tape.clear()
      if (skips.has(sequence)) {
        if (content.kind === 'poison') writeEvent(tape, content.event)
        return 0
      }
      engine.advance(arrivalMillis)
      if (content.kind === 'poison') writeEvent(tape, content.event)
      else if (content.kind === 'epoch') startEpoch(content.epoch)
      else if (content.count > 0) {
        const startedMillis = performance.now()
        engine.applyAll(content.words, content.from, content.count)
        observer.engineTook(((performance.now() - startedMillis) * 1_000) / content.count, content.count)
        return content.count
      }
      return 0
    } catch (cause) {
      isBroken = true
      if (cause instanceof EngineVersionUnknown)
        throw new LaneHalted('engine-version-unknown', cause.message, { sequence }, cause)
      const { event } = poisonOf('engine-failed', data)
      throw new LaneHalted(
        'engine-failed',
        `the engine failed on record ${sequence}`,
        { ...told(cause), sequence, sha256: event.sha256 },
        cause,
      )
    }
  }

  /** A leader that had been overtaken may say late that it has begun: that is no news. */
  const startEpoch = (epoch: number) => {
    if (epoch <= position.epoch) return
    const stateHash = hash('sha256', JSON.stringify(engine.snapshot()), 'hex')
    writeEvent(engine.told, { type: 'epoch-started', epoch, stateHash })
    position = { ...position, epoch }
  }

  const inputOf = (record: StreamRecord): Input => {
    const input = adaptRecord(record, lane, engine.engineVersion)
    return skips.has(input.sequence) ? { ...input, content: poisonOf('engine-failed', record.data) } : input
  }

  const apply = (record: StreamRecord) => {
    const input = inputOf(record)
    const { sequence, arrivalMillis } = input
    if (anchor !== undefined) {
      if (sequence !== anchor) throw recordsMissing('no longer begins with the record that was applied last')
      anchor = undefined
    }
    // Read again, because a position was: it has had its disposition.
    if (sequence <= position.sequence) return
    if (firstSequence === '') firstSequence = sequence
    const commands = applyToEngine(input, record.data)
    const { told: tape } = engine
    if (commands > 0 || input.content.kind === 'poison') lastWork = sequence
    const sections = sectionsOf(position.chain, sequence, engine.laneMillis, tape)
    let firstOutSeq = position.outSeq + 1
    position = {
      ...position,
      sequence,
      outSeq: position.outSeq + tape.count,
      chain: sections.at(-1)?.chain ?? position.chain,
    }
    const { outSeq, chain } = position
    const isNew = sequence > published.sequence
    const kept =
      isNew && input.content.kind === 'poison' ? { kept: putInQuarantine(sequence, input.content) } : undefined
    const publishable: Publishable[] = []
    for (const [index, { bytes, count }] of sections.entries()) {
      const end = { sequence, outSeq, chain, arrivalMillis, ...kept }
      publishable.push({ bytes, count, firstOutSeq, ...(index === sections.length - 1 ? { end } : {}) })
      firstOutSeq += count
    }
    lagMillis = Math.max(0, now() - arrivalMillis)
    if (isNew) outbox.offer(publishable)
    observer.applied({ sequence, arrivalMillis, data: record.data, commands, told: tape, sections: publishable, isNew })
    verify()
  }

  /** Matching does not wait for it, the checkpoint does: after a crash it is done again. */
  const putInQuarantine = async (
    sequence: string,
    { event, bytes }: Extract<Input['content'], { kind: 'poison' }>,
  ): Promise<void> => {
    log.error('a record is not applied and goes to quarantine', {
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
    // Beyond what the stream holds, seen twice: the checkpoint may have moved while the stream was asked.
    const isBeyond = behind === 0 && position.sequence < published.sequence
    if (isBeyond && missed === published.sequence) throw recordsMissing('ends before the checkpoint')
    missed = isBeyond ? published.sequence : undefined
  }

  const applyBatch = async (batch: Batch, signal: AbortSignal, waitBefore: string | undefined) => {
    let startedMillis = performance.now()
    for (const record of batch.records) {
      if (paddedSequence(record.sequenceNumber) === waitBefore) return aborted(signal)
      apply(record)
      if (outbox.unpublishedEvents() > maxUnpublishedEvents)
        await Promise.race([outbox.untilBelow(maxUnpublishedEvents / 2), aborted(signal)])
      else if (performance.now() - startedMillis > sliceMillis) await new Promise(resolve => setImmediate(resolve))
      else continue
      if (signal.aborted) return
      startedMillis = performance.now()
    }
  }

  return {
    async run(reader, signal, waitBefore) {
      verify()
      // The last record that was applied must still be there: then all that follow it are.
      const from = position.sequence === '' ? ({ from: 'TRIM_HORIZON' } as const) : { at: position.sequence }
      if (position.sequence !== '') anchor = position.sequence
      const startedMillis = performance.now()
      let isReady = false
      for await (const batch of reader.read(from, signal)) {
        if (batch.records.length > 0) {
          observer.heard()
          isCaughtUp = false
        }
        checkHeld(batch)
        await applyBatch(batch, signal, waitBefore)
        if (signal.aborted) return
        millisBehindLatest = batch.millisBehindLatest
        isCaughtUp = isVerified && batch.millisBehindLatest === 0
        if (isReady || !isCaughtUp) continue
        isReady = true
        log.info('the lane is up to date', { after_millis: Math.round(performance.now() - startedMillis), ...position })
      }
    },
    expect,
    position: () => position,
    firstSequence: () => firstSequence,
    behindMillis: () => Math.max(lagMillis, millisBehindLatest),
    isCaughtUp: () => isCaughtUp,
    isVerified: () => isVerified && !isBroken,
    wasVerified: () => wasVerified,
    lastWork: () => lastWork,
  }
}

const publishedOf = (checkpoint: Checkpoint): Omit<Position, 'epoch'> => ({
  sequence: checkpoint.sequenceNumber ?? '',
  outSeq: checkpoint.outSeq,
  chain: checkpoint.chain === '' ? firstChain : checkpoint.chain,
})

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
