import type { Command } from '#domain/trading/commands.ts'
import { createEngine, type Engine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { encodeEvents } from '#protocol/executions-frame.ts'
import { decodeOrdersFrame, encodeOrdersFrame } from '#protocol/orders-frame.ts'
import { flowMillis, type OrderFlow, orderFlow } from './order-flow.ts'
import { cpuSecondsOf, type Spread, spreadOf } from './rounds.ts'

/** Commands a CPU-second, cash check and duplicate check on; the same flow in every round. */
export interface MatcherResult {
  readonly commands: number
  readonly flows: readonly FlowResult[]
}

interface FlowResult {
  readonly books: number
  readonly trades: number
  /** Commands as objects in, events as objects out. */
  readonly engine: Spread
  /** The same with frames in and event bytes out, as the matcher does it. */
  readonly withFrames: Spread
}

export interface MatcherOptions {
  readonly commands: number
  readonly rounds: number
  readonly progress: (line: string) => void
}

const commandsOfFrame = 500
const lane = 1

/** Rounds are interleaved, so that what slows the machine down for a while slows all of them. */
export const benchMatcher = ({ commands, rounds, progress }: MatcherOptions): MatcherResult => {
  const prepared = [1, 64].map(books => {
    progress(`preparing ${commands} commands on ${books} ${books === 1 ? 'book' : 'books'}`)
    const flow = orderFlow(books, commands, 12_345)
    return { books, flow, frames: framesOf(flow.commands), engine: [] as number[], withFrames: [] as number[] }
  })
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? 'warming up' : `round ${round} of ${rounds}`)
    for (const { flow, frames, engine, withFrames } of prepared) {
      const [alone, framed] = [engineRound(flow, frames), framesRound(flow, frames)]
      if (round === 0) continue
      engine.push(alone)
      withFrames.push(framed)
    }
  }
  return {
    commands,
    flows: prepared.map(({ books, flow, engine, withFrames }) => ({
      books,
      trades: tradesOf(flow),
      engine: spreadOf(engine),
      withFrames: spreadOf(withFrames),
    })),
  }
}

const framesOf = (commands: readonly Command[]): Uint8Array[] => {
  const frames: Uint8Array[] = []
  for (let i = 0; i < commands.length; i += commandsOfFrame)
    frames.push(encodeOrdersFrame(lane, commands.slice(i, i + commandsOfFrame)))
  return frames
}

const opened = (flow: OrderFlow): Engine => {
  const engine = createEngine(lane)
  for (const command of flow.opening) engine.apply(command, flowMillis)
  return engine
}

const decoded = (frame: Uint8Array): readonly Command[] => {
  const read = decodeOrdersFrame(frame, lane)
  if (!read.ok) throw new Error(`the bench's own frame is poison: ${read.reason}`)
  return read.commands
}

/** Commands a CPU-second of the engine alone; they are decoded just before, outside of what is measured. */
const engineRound = (flow: OrderFlow, frames: readonly Uint8Array[]): number => {
  const engine = opened(flow)
  let seconds = 0
  for (const frame of frames) {
    const commands = decoded(frame)
    seconds += cpuSecondsOf(() => {
      for (const command of commands) engine.apply(command, flowMillis)
    })
  }
  return flow.commands.length / seconds
}

const framesRound = (flow: OrderFlow, frames: readonly Uint8Array[]): number => {
  const engine = opened(flow)
  let bytes = 0
  const seconds = cpuSecondsOf(() => {
    for (const frame of frames) {
      const events: Event[] = []
      for (const command of decoded(frame)) events.push(...engine.apply(command, flowMillis))
      bytes += encodeEvents(events).length
    }
  })
  if (bytes === 0) throw new Error('the engine said nothing')
  return flow.commands.length / seconds
}

const tradesOf = (flow: OrderFlow): number => {
  const engine = opened(flow)
  let trades = 0
  for (const command of flow.commands)
    for (const event of engine.apply(command, flowMillis)) if (event.type === 'trade-executed') trades += 1
  return trades
}
