import { MetricUnit } from '@aws-lambda-powertools/metrics'
import { readExecutionsAfter } from '#adapters/streams/executions.ts'
import { getWatermark, type Watermark, watermarkMove } from '#adapters/tables/watermarks.ts'
import { coalesce, itemOf, mostItemsOfTransaction, store, transact, type Write } from '#adapters/writes.ts'
import type { Event } from '#domain/trading/events.ts'
import { decodeExecutionsFrame, eventId } from '#protocol/executions-frame.ts'
import { logger, metrics, RecordFailure, type StreamedRecord, serveStream } from './stream.ts'

/** An event with its place in its lane. */
export interface PlacedEvent {
  readonly lane: number
  readonly outSeq: number
  readonly eventId: string
  readonly atMillis: number
  readonly event: Event
}

export interface Projection {
  /** Names its watermark: another name starts from the beginning. */
  readonly name: string
  /** Reads what the writes of these events depend on, then says without waiting what each event writes. */
  readonly load: (lane: number, events: readonly PlacedEvent[]) => Promise<(placed: PlacedEvent) => readonly Write[]>
}

interface DecodedRecord {
  readonly sequenceNumber: string
  readonly lane: number
  readonly events: readonly PlacedEvent[]
}

/** Events are missing between the last applied one and this one, and the stream does not have them any more. */
class EventsMissing extends Error {
  override readonly name = 'EventsMissing'
}

/** The watermark was moved by somebody else each time: more than two invocations at work is not to be expected. */
const mostRefusals = 8

/**
 * The Lambda handler of a projector on the executions streams. Each event is applied once, in order: what lies at or
 * below the lane's watermark is dropped, what does not follow it is not applied before the gap is closed, and each
 * transaction moves the watermark from where it was known to be. Since events carry absolute state, the writes of many
 * become one an item.
 */
export const serveProjection = (projection: Projection) => serveStream(projectorOf(projection))

/** Apart from the Lambda handler, which keeps one for as long as the process lives. */
export const projectorOf = ({ name, load }: Projection): ((records: readonly StreamedRecord[]) => Promise<void>) => {
  /** As last read or written by this process: another invocation may have moved on since. */
  const known = new Map<number, Watermark>()

  const watermarkOf = async (lane: number): Promise<Watermark> => {
    const watermark = known.get(lane) ?? (await getWatermark(name, lane))
    known.set(lane, watermark)
    return watermark
  }

  /** Applies what follows the watermark; answers the first record that leaves a gap. */
  const advance = async (lane: number, records: readonly DecodedRecord[]): Promise<DecodedRecord | undefined> => {
    for (let refusals = 0; refusals < mostRefusals; refusals++) {
      const { applied, gap } = await write(lane, records)
      if (applied) return gap
      logger.info('the watermark or a row has moved: starting over', { projection: name, lane })
      known.delete(lane)
    }
    throw new Error(`the projection ${name} of lane ${lane} was refused ${mostRefusals} times`)
  }

  const write = async (
    lane: number,
    records: readonly DecodedRecord[],
  ): Promise<{ applied: boolean; gap?: DecodedRecord }> => {
    let stored = await watermarkOf(lane)
    let reached = stored
    let pending = new Map<string, Write>()
    const { events, gap } = following(records, stored.outSeq)
    const writesOf = await load(lane, events)

    const flush = async (): Promise<boolean> => {
      if (reached.outSeq === stored.outSeq) return true
      const move = watermarkMove(name, lane, stored, reached)
      const done = pending.size === 0 ? await store(move) : await transact([...pending.values(), move])
      if (!done) return false
      known.set(lane, reached)
      stored = reached
      pending = new Map()
      return true
    }

    for (const record of records) {
      for (const placed of record.events) {
        if (placed.outSeq !== reached.outSeq + 1) continue
        const writes = writesOf(placed)
        if (writes.length > 0) {
          const items = writes.map(itemOf)
          if (!joins(pending, writes, items) && !(await flush())) return { applied: false }
          let index = 0
          for (const each of writes) {
            const item = items[index++] ?? ''
            const earlier = pending.get(item)
            pending.set(item, earlier === undefined ? each : coalesce(earlier, each))
          }
        }
        reached = { ...reached, outSeq: placed.outSeq }
      }
      if (record === gap) break
      reached = { ...reached, recordSequence: record.sequenceNumber }
    }
    if (!(await flush())) return { applied: false }
    const last = events.at(-1)
    if (last !== undefined) {
      metrics.addMetric('EventsProjected', MetricUnit.Count, events.length)
      metrics.addMetric('ProjectionDelay', MetricUnit.Milliseconds, Math.max(0, Date.now() - last.atMillis))
    }
    return { applied: true, ...(gap === undefined ? {} : { gap }) }
  }

  /**
   * Reads the stream itself from the last applied record on, until the gap before `missingBefore` is closed. What is
   * missing may lie before that record all the same: a leader that had been overtaken says again what was said, and where
   * the first time was never delivered, its repeat was applied. So the second time all of the stream is read.
   */
  const heal = async (lane: number, missingBefore: number): Promise<void> => {
    const start = await watermarkOf(lane)
    logger.warn('events are missing: reading the stream again', { projection: name, lane, ...start, missingBefore })
    metrics.addMetric('ProjectionGaps', MetricUnit.Count, 1)
    const isHealed =
      (await reread(lane, missingBefore, start.recordSequence)) ||
      (start.recordSequence !== undefined && (await reread(lane, missingBefore, undefined)))
    if (isHealed) {
      metrics.addMetric('ProjectionGapsHealed', MetricUnit.Count, 1)
      return
    }
    const { outSeq } = await watermarkOf(lane)
    metrics.addMetric('ProjectionEventsMissing', MetricUnit.Count, missingBefore - outSeq - 1)
    throw new EventsMissing(`lane ${lane} lacks the events after ${outSeq} and before ${missingBefore}`)
  }

  /** Whether the gap is closed. */
  const reread = async (lane: number, missingBefore: number, from: string | undefined): Promise<boolean> => {
    for (let after = from; ; ) {
      const { records, caughtUp } = await readExecutionsAfter(lane, after)
      const gap = await advance(
        lane,
        records.flatMap(record => decodedOrSkipped(record)),
      )
      const { outSeq } = await watermarkOf(lane)
      if (outSeq + 1 >= missingBefore) return true
      const last = records.at(-1)
      if (gap !== undefined || caughtUp || last === undefined) return false
      after = last.sequenceNumber
    }
  }

  const project = async (lane: number, records: readonly DecodedRecord[]): Promise<void> => {
    for (let gap = await advance(lane, records); gap !== undefined; gap = await advance(lane, records)) {
      const { outSeq } = await watermarkOf(lane)
      const missingBefore = gap.events.find(placed => placed.outSeq > outSeq)?.outSeq ?? outSeq
      await heal(lane, missingBefore)
    }
  }

  return async records => {
    const { decoded, failure } = decodedUntilFailure(records)
    const [first] = decoded
    if (first !== undefined) {
      try {
        await project(first.lane, decoded)
      } catch (error) {
        // What is written stays written: the batch comes back from the first record that is not wholly applied.
        const outSeq = known.get(first.lane)?.outSeq ?? 0
        const unfinished = decoded.find(({ events }) => events.some(placed => placed.outSeq > outSeq)) ?? first
        throw new RecordFailure(unfinished.sequenceNumber, error)
      }
    }
    if (failure !== undefined) throw failure
  }
}

/** The events that come next without a gap, and the first record that has one that does not. */
const following = (
  records: readonly DecodedRecord[],
  outSeq: number,
): { events: readonly PlacedEvent[]; gap?: DecodedRecord } => {
  const events: PlacedEvent[] = []
  for (const record of records)
    for (const placed of record.events) {
      if (placed.outSeq > outSeq + 1) return { events, gap: record }
      if (placed.outSeq <= outSeq) continue
      events.push(placed)
      outSeq = placed.outSeq
    }
  return { events }
}

/** Whether the writes fit the transaction beside those that wait; the watermark takes one place. */
const joins = (pending: ReadonlyMap<string, Write>, writes: readonly Write[], items: readonly string[]): boolean => {
  // Counted only where it may be too many.
  if (pending.size + items.length + 1 > mostItemsOfTransaction) {
    const fresh = new Set(items.filter(item => !pending.has(item)))
    if (pending.size + fresh.size + 1 > mostItemsOfTransaction) return false
  }
  // A condition is on what is stored, not on what is about to be.
  return writes.every((each, index) => each.onlyIf === undefined || !pending.has(items[index] ?? ''))
}

/** A frame that cannot be read fails its record: after its retries it ends where failures go, bytes and all. */
const decodedUntilFailure = (
  records: readonly StreamedRecord[],
): { decoded: readonly DecodedRecord[]; failure?: RecordFailure } => {
  const decoded: DecodedRecord[] = []
  for (const record of records) {
    try {
      const each = decode(record)
      if (each.lane !== (decoded[0]?.lane ?? each.lane)) throw new Error(`a record of lane ${each.lane} among others`)
      decoded.push(each)
    } catch (error) {
      unreadable(record, error)
      return { decoded, failure: new RecordFailure(record.sequenceNumber, error) }
    }
  }
  return { decoded }
}

/** While healing: if what it says was said nowhere else, the gap stays and is told. */
const decodedOrSkipped = (record: StreamedRecord): readonly DecodedRecord[] => {
  try {
    return [decode(record)]
  } catch (error) {
    unreadable(record, error)
    return []
  }
}

const unreadable = ({ sequenceNumber, data }: StreamedRecord, error: unknown): void => {
  logger.error('a record of the executions stream is unreadable', {
    sequence_number: sequenceNumber,
    bytes: data.length,
    error,
  })
  metrics.addMetric('UnreadableExecutions', MetricUnit.Count, 1)
}

const decode = ({ sequenceNumber, data }: StreamedRecord): DecodedRecord => {
  const { lane, firstOutSeq, sections } = decodeExecutionsFrame(data)
  const events: PlacedEvent[] = []
  for (const { inputSequence, atMillis, firstIndex, events: said } of sections) {
    let index = firstIndex
    for (const event of said)
      events.push({
        lane,
        outSeq: firstOutSeq + events.length,
        eventId: eventId(lane, inputSequence, index++),
        atMillis,
        event,
      })
  }
  return { sequenceNumber, lane, events }
}
