import { backoffMillis, isLastingFailure, pause } from '#adapters/streams/reader.ts'
import { executionsFrameOf } from '#protocol/executions-frame.ts'
import { LaneHalted } from './halt.ts'
import { type Log, told } from './log.ts'

/** The end of an input record: where a checkpoint may lie. */
export interface RecordEnd {
  readonly sequence: string
  readonly outSeq: number
  readonly chain: string
}

export interface Publishable {
  /** A section as it lies in a frame. */
  readonly bytes: Uint8Array
  /** Events in it. */
  readonly count: number
  readonly firstOutSeq: number
  /** On the last section of its record. */
  readonly end?: RecordEnd & {
    readonly arrivalMillis: number
    /** What must be stored before the record may be forgotten. */
    readonly kept?: Promise<void>
  }
}

export interface ExecutionPublisher {
  offer(sections: readonly Publishable[]): void
  unpublishedEvents(): number
  /** Resolves once no more than so many events wait; rejects when publishing has ended for good. */
  untilBelow(events: number): Promise<void>
  /** Gives up what is not acknowledged yet; true where nothing was. */
  stop(): Promise<boolean>
}

interface PublisherOptions {
  readonly lane: number
  readonly epoch: number
  readonly put: (frame: Uint8Array, afterSequenceNumber: string | undefined) => Promise<{ sequenceNumber: string }>
  /** The ends of all records that the acknowledged frame completes, in order. */
  readonly onPublished: (ends: readonly NonNullable<Publishable['end']>[]) => void
  readonly onHalted: (halted: LaneHalted) => void
  readonly log: Log
  readonly maxFrameBytes?: number
}

/**
 * Well under Kinesis' 1 MiB a record, so that a frame is written and read in milliseconds; several sections only where
 * they fit together, a single one always.
 */
const maxFrameBytesByDefault = 200 * 1024
const maxFrameSections = 65_535

/**
 * Frame by frame, one put in flight: what is said meanwhile gathers into the next frame, so that latency is lowest when
 * little happens and throughput grows with load. The same bytes are put until they are acknowledged; whatever is
 * written twice by that carries the same numbers.
 */
export const executionPublisher = (options: PublisherOptions): ExecutionPublisher => {
  const { lane, epoch, put, onPublished, onHalted, log, maxFrameBytes = maxFrameBytesByDefault } = options
  let waiting: Publishable[] = []
  let unpublishedEvents = 0
  let lastSequenceNumber: string | undefined
  let halted: LaneHalted | undefined
  let pumping: Promise<void> | undefined
  const stopping = new AbortController()
  let waiters: { readonly events: number; resolve(): void; reject(error: unknown): void }[] = []

  const settleWaiters = () => {
    const due = waiters.filter(({ events }) => halted !== undefined || unpublishedEvents <= events)
    waiters = waiters.filter(each => !due.includes(each))
    for (const { resolve, reject } of due) halted === undefined ? resolve() : reject(halted)
  }

  const takeFrame = (): readonly Publishable[] => {
    let bytes = 0
    let count = 0
    for (const each of waiting) {
      bytes += each.bytes.length
      if (count > 0 && (bytes > maxFrameBytes || count >= maxFrameSections)) break
      count++
    }
    const taken = waiting.slice(0, count)
    waiting = waiting.slice(count)
    return taken
  }

  const putUntilAcknowledged = async (frame: Uint8Array): Promise<string | undefined> => {
    for (let attempt = 1; !stopping.signal.aborted; attempt++) {
      try {
        return (await put(frame, lastSequenceNumber)).sequenceNumber
      } catch (error) {
        // Throttling, timeouts and AWS's own faults pass.
        if (isLastingFailure(error))
          throw new LaneHalted('publishing-refused', 'the execution stream refuses a frame', {}, error)
        log.warn('a frame is not acknowledged: putting the same bytes again', { attempt, ...told(error) })
        await pause(backoffMillis(attempt, 50), stopping.signal)
      }
    }
    return undefined
  }

  const pump = async () => {
    // What the same turn of the event loop still applies goes into the first frame.
    await new Promise(resolve => setImmediate(resolve))
    while (waiting.length > 0 && !stopping.signal.aborted) {
      const taken = takeFrame()
      const [first] = taken
      if (first === undefined) return
      const sections = taken.map(({ bytes }) => bytes)
      const frame = executionsFrameOf({ lane, epoch, firstOutSeq: first.firstOutSeq, sections })
      const sequenceNumber = await putUntilAcknowledged(frame)
      if (sequenceNumber === undefined) return
      lastSequenceNumber = sequenceNumber
      for (const { count } of taken) unpublishedEvents -= count
      onPublished(taken.flatMap(({ end }) => (end === undefined ? [] : [end])))
      settleWaiters()
    }
  }

  const start = () => {
    if (pumping !== undefined || halted !== undefined || waiting.length === 0 || stopping.signal.aborted) return
    pumping = pump()
      .catch((error: unknown) => {
        halted =
          error instanceof LaneHalted
            ? error
            : new LaneHalted('publishing-refused', 'a frame could not be made', {}, error)
        settleWaiters()
        onHalted(halted)
      })
      .finally(() => {
        pumping = undefined
        start()
      })
  }

  return {
    offer(sections) {
      for (const each of sections) {
        waiting.push(each)
        unpublishedEvents += each.count
      }
      start()
    },
    unpublishedEvents: () => unpublishedEvents,
    untilBelow: events =>
      new Promise((resolve, reject) => {
        waiters.push({ events, resolve, reject })
        settleWaiters()
      }),
    async stop() {
      stopping.abort()
      await pumping
      return unpublishedEvents === 0
    },
  }
}
