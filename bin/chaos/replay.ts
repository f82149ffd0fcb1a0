/** The order stream once more, from its first record, through an engine and a naive exchange of this process. */
import { createHash } from 'node:crypto'
import { type Command, commandIdOf } from '#domain/trading/commands.ts'
import { createEngine, type EngineState } from '#domain/trading/engine.ts'
import { writeEvent } from '#domain/trading/event-messages.ts'
import type { Event } from '#domain/trading/events.ts'
import { decodeOrdersFrame, openOrdersFrame } from '#protocol/orders-frame.ts'
import { createNaiveExchange, type NaiveExchange } from '#test/support/naive-book.ts'
import type { StreamedRecord } from './evidence.ts'

/** An input record and what the engine says of it. */
export interface Replayed {
  readonly sequence: string
  /** Of the lane, once it is applied. */
  readonly atMillis: number
  readonly commands: readonly Command[]
  readonly events: readonly Event[]
  /** As they lie in a section. */
  readonly bytes: Buffer
  readonly firstOutSeq: number
}

export interface Replay {
  readonly records: readonly Replayed[]
  readonly state: EngineState
  readonly outSeq: number
  readonly epochs: number
  /** Commands that the naive exchange was asked about too. */
  readonly naiveCommands: number
  readonly violations: readonly string[]
}

/** Names no order and no command of anybody: it only moves the naive exchange's time, as a tick does the engine's. */
const tick: Command = {
  type: 'cancel-order',
  commandId: 'ffffffff-ffff-4fff-bfff-ffffffffffff',
  accountId: 0,
  orderId: 'ffffffff-ffff-4fff-bfff-ffffffffffff',
}

export const replay = async (
  lane: number,
  records: readonly StreamedRecord[],
  onProgress: (part: number) => void = () => undefined,
  naive: Pick<NaiveExchange, 'enter'> = createNaiveExchange(),
): Promise<Replay> => {
  const engine = createEngine(lane)
  const replayed: Replayed[] = []
  const violations: string[] = []
  let [outSeq, epoch, naiveCommands, lastSequence] = [0, 0, 0, '']
  let breakMillis = performance.now()
  for (const [index, { sequence, arrivalMillis, data }] of records.entries()) {
    if (sequence <= lastSequence) {
      violations.push(`the order stream is out of order at ${sequence}`)
      continue
    }
    lastSequence = sequence
    const { told } = engine
    told.clear()
    engine.advance(arrivalMillis)
    const { engineVersion } = engine
    const opened = openOrdersFrame(data, lane, engineVersion)
    if (!opened.ok) {
      const sha256 = createHash('sha256').update(data).digest('hex')
      writeEvent(told, { type: 'frame-poisoned', reason: opened.reason, bytes: data.length, sha256 })
    } else if (opened.kind === 'commands') engine.applyAll(opened.words, opened.from, opened.count)
    else if (opened.epoch > epoch) {
      epoch = opened.epoch
      const stateHash = createHash('sha256').update(JSON.stringify(engine.snapshot())).digest('hex')
      writeEvent(told, { type: 'epoch-started', epoch, stateHash })
    }
    const decoded = decodeOrdersFrame(data, lane, engineVersion)
    const commands = decoded.ok && decoded.kind === 'commands' ? decoded.commands : []
    const events = engine.events()
    replayed.push({
      sequence,
      atMillis: engine.laneMillis,
      commands,
      events,
      bytes: Buffer.from(told.bytes()),
      firstOutSeq: outSeq + 1,
    })
    outSeq += events.length

    const own = events.filter(({ type }) => type !== 'frame-poisoned' && type !== 'epoch-started')
    const others =
      commands.length > 0
        ? commands.flatMap(command => naive.enter(command, engine.laneMillis))
        : naive.enter(tick, engine.laneMillis).slice(0, -1)
    naiveCommands += commands.length
    const difference = firstDifference(own, others)
    if (difference !== undefined)
      violations.push(`the naive book says something else of record ${sequence}: ${difference}`)
    if (performance.now() - breakMillis > 50) {
      onProgress(index / records.length)
      await new Promise(resolve => setImmediate(resolve))
      breakMillis = performance.now()
    }
  }
  return { records: replayed, state: engine.snapshot(), outSeq, epochs: epoch, naiveCommands, violations }
}

const firstDifference = (engine: readonly Event[], naive: readonly Event[]): string | undefined => {
  for (let index = 0; index < Math.max(engine.length, naive.length); index += 1) {
    const [one, two] = [textOf(engine[index]), textOf(naive[index])]
    if (one !== two) return `event ${index} is ${one} of the engine, ${two} of the naive book`
  }
  return undefined
}

/** Whatever the order of the members, which the naive exchange does not keep. */
const textOf = (event: Event | undefined): string => (event === undefined ? 'missing' : sortedText(event))

const sortedText = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )

/** The names under which the stream holds commands, each as often as it does. */
export const commandCounts = (records: readonly Replayed[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { commands } of records)
    for (const command of commands) {
      const id = commandIdOf(command)
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
  return counts
}
