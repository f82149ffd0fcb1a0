import { type Log, told } from './log.ts'
import type { Position } from './position.ts'

interface Capture<State> {
  readonly position: Position
  readonly laneMillis: number
  readonly state: State
}

interface SnapshotterOptions<State> {
  readonly lane: number
  /** Of the order stream. */
  readonly lineage: string
  readonly intervalMillis: number
  /** Whether there is anything since the last one that a snapshot would save from being replayed. */
  readonly isDue: (since: Omit<Capture<State>, 'state'> | undefined) => boolean
  /** A copy of the engine's state that nothing changes any more; the only part that matching waits for. */
  readonly capture: () => Capture<State>
  readonly untilCheckpointed: (outSeq: number) => Promise<void>
  /** Archives all up to that record: a start from the snapshot does not see it any more. */
  readonly archive: (sequence: string) => Promise<void>
  readonly put: (
    lane: number,
    outSeq: number,
    parts: AsyncIterable<string>,
  ) => Promise<{ readonly key: string; readonly bytes: number }>
  readonly note: (lane: number, key: string) => Promise<void>
  readonly prune: (lane: number, kept: number) => Promise<void>
  readonly onTaken: (pauseMillis: number, bytes: number) => void
  readonly log: Log
}

/** Whole ones that a later start may fall back to; more would only cost storage. */
const keptSnapshots = 20

export interface Snapshotter {
  /** Takes one now, if there is anything new. */
  take(): Promise<void>
  /**
   * Takes the one that the interval has called for and that could not be taken then: a standby that reads seldom lies
   * behind what is published most of the time, and under load would be found there at one interval's end after the other.
   */
  look(): void
  stop(): void
}

/** A failed snapshot never stops matching: the next one comes, and until then a start replays more. */
export const startSnapshotter = <State>(options: SnapshotterOptions<State>): Snapshotter => {
  const { lane, lineage, intervalMillis, isDue, capture, untilCheckpointed, archive, put, note, prune, onTaken, log } =
    options
  let taking: Promise<void> | undefined
  let last: Omit<Capture<State>, 'state'> | undefined
  let isWanted = false

  const take = async () => {
    const startedMillis = performance.now()
    const { position, laneMillis, state } = capture()
    const pauseMillis = performance.now() - startedMillis
    try {
      // A snapshot beyond the checkpoint would hide events that were never published.
      await untilCheckpointed(position.outSeq)
      await archive(position.sequence)
      const { key, bytes } = await put(lane, position.outSeq, snapshotParts(lane, lineage, position, state))
      last = { position, laneMillis }
      onTaken(pauseMillis, bytes)
      log.info('snapshot taken', { key, bytes, pause_millis: pauseMillis })
      await note(lane, key)
      await prune(lane, keptSnapshots)
    } catch (error) {
      log.error('a snapshot failed; matching goes on', { out_seq: position.outSeq, ...told(error) })
    }
  }

  const takeIfDue = async () => {
    await taking
    if (!isDue(last)) return
    isWanted = false
    taking = take().finally(() => {
      taking = undefined
    })
    await taking
  }

  const look = () => {
    if (isWanted && taking === undefined) void takeIfDue()
  }
  const timer = setInterval(() => {
    isWanted = true
    look()
  }, intervalMillis)

  return {
    take: takeIfDue,
    look,
    stop() {
      isWanted = false
      clearInterval(timer)
    },
  }
}

/** The JSON of a snapshot without its seal and closing brace. */
async function* snapshotParts(
  lane: number,
  lineage: string,
  position: Position,
  state: unknown,
): AsyncIterable<string> {
  const { sequence, outSeq, chain, epoch } = position
  const header = { schema: 2, lane, lineage, epoch, inputSequence: sequence, outSeq, chain }
  yield `${JSON.stringify(header).slice(0, -1)},"state":`
  yield* jsonParts(state)
}

const sliceMillis = 2
const sliceItems = 256
const longList = 16

/** What JSON.stringify would write, in parts of a few milliseconds with other work in between. */
export async function* jsonParts(value: unknown): AsyncIterable<string> {
  let part = ''
  let startedMillis = performance.now()
  for (const text of jsonTexts(value)) {
    part += text
    if (performance.now() - startedMillis < sliceMillis) continue
    yield part
    part = ''
    await new Promise(resolve => setImmediate(resolve))
    startedMillis = performance.now()
  }
  yield part
}

function* jsonTexts(value: unknown): Iterable<string> {
  if (Array.isArray(value)) yield* listTexts(value)
  else if (isBranch(value)) {
    yield '{'
    let separator = ''
    for (const [name, member] of Object.entries(value)) {
      if (member === undefined) continue
      yield `${separator}${JSON.stringify(name)}:`
      yield* jsonTexts(member)
      separator = ','
    }
    yield '}'
  } else yield JSON.stringify(value) ?? 'null'
}

/** Many light items at once, since a call for each would cost more; what is itself long, by itself. */
function* listTexts(items: readonly unknown[]): Iterable<string> {
  yield '['
  let separator = ''
  for (let at = 0; at < items.length; ) {
    let end = at
    while (end < items.length && end - at < sliceItems && !isHeavy(items[end])) end++
    yield separator
    if (end > at) yield JSON.stringify(items.slice(at, end)).slice(1, -1)
    else yield* jsonTexts(items[at])
    at = Math.max(end, at + 1)
    separator = ','
  }
  yield ']'
}

const isHeavy = (item: unknown): boolean =>
  isLong(item) || (isBranch(item) && !Array.isArray(item) && Object.values(item).some(isLong))
const isLong = (value: unknown): boolean => Array.isArray(value) && value.length > longList

const isBranch = (value: unknown): value is object => typeof value === 'object' && value !== null
