import { PerformanceObserver } from 'node:perf_hooks'
import type { Engine } from '#domain/trading/engine.ts'
import { eventType, typeOf, wordsOf } from '#domain/trading/messages.ts'
import { firstChain, sectionOf } from '#protocol/executions-frame.ts'
import { openOrdersFrame } from '#protocol/orders-frame.ts'
import { accountsOf, EngineRun, flowMillis, framesOf, type Messages, messagesOf, prefilled } from './engine-run.ts'
import type { Flow } from './flow-file.ts'
import { makeFlow } from './flows.ts'
import { MarginedEngine } from './margined-engine.ts'
import { peerRate } from './peer.ts'
import { cpuSecondsOf, type Spread, spreadOf, threadMillis } from './rounds.ts'

export interface MatcherResult {
  readonly commands: number
  readonly flows: readonly FlowResult[]
}

export interface FlowResult {
  readonly flow: string
  readonly answers: Answers
  /** Commands a CPU-second: messages in, events out, cash check and duplicate check on. */
  readonly engine: Spread
  /** The same from the bytes of a frame to the bytes of a chained section, as the matcher does it. */
  readonly framed: Spread
  /** With portfolio margin on: all accounts with equity to spare, and half of them within 5 % of their limit. */
  readonly margined: Spread
  readonly nearLimit: Spread
  /** With equity to spare, and every limit there is on every account and every instrument; none is met. */
  readonly limited: Spread
  readonly ratioOfMargined: Spread
  readonly ratioOfNearLimit: Spread
  /** To margin without limits. */
  readonly ratioOfLimited: Spread
  /** What part of the commands the latter refuses. */
  readonly refusedNearLimit: number
  /** Of those that limits decide about: 0, or what was measured is not what it costs to accept. */
  readonly refusedByLimits: number
  /** Of the peer, on its first commands. */
  readonly peer: Spread
  readonly ratioToPeer: Spread
  readonly ratioOfFramed: Spread
  /** For each command by itself, the clock's own cost included: p50, p99, p99.9. */
  readonly commandMicros: Percentiles
  readonly collectionsPer2Million: number
  /** With margin and every limit, CPU of the engine's thread: the longest of as many commands before a new epoch and behind it, and of its own. */
  readonly epochMillis: { readonly before: Spread; readonly switching: Spread; readonly behind: Spread }
  /** Behind its due time, at 100,000 commands a second; paired with a loop that does nothing. */
  readonly openLoopMicros: { readonly engine: Percentiles; readonly empty: Percentiles }
  readonly bytesOfCommand: number
  readonly eventBytesOfCommand: number
}

export interface Answers {
  readonly trades: number
  readonly quantity: number
  readonly notional: string
  readonly liveOrders: number
}

export interface Percentiles {
  readonly p50: number
  readonly p99: number
  readonly p999: number
}

export interface MatcherOptions {
  readonly commands: number
  readonly rounds: number
  /** Instead of the four flows. */
  readonly flow?: Flow
  readonly progress: (line: string) => void
}

const seed = 12_345
const commandsOfFrame = 500
const peerCommands = 100_000
const openLoopCommands = 200_000
const openLoopPerSecond = 100_000
const epochs = 5

interface Prepared {
  readonly flow: Flow
  readonly accounts: number
  readonly messages: Messages
  readonly frames: readonly Uint8Array[]
  readonly engine: number[]
  readonly framed: number[]
  readonly margined: number[]
  readonly nearLimit: number[]
  readonly limited: number[]
  readonly peer: number[]
}

/** Rounds are interleaved, so that what slows the machine down for a while slows all of them. */
export const benchMatcher = async (options: MatcherOptions): Promise<MatcherResult> => {
  const { rounds, progress } = options
  const prepared = flowsOf(options).map(flow => prepare(flow))
  // The first round warms up and does not count.
  for (let round = 0; round <= rounds; round += 1) {
    progress(round === 0 ? 'warming up' : `round ${round} of ${rounds}`)
    for (const each of prepared) {
      const rates = [
        engineRate(each, opened),
        framedRate(each),
        peerRate(each.flow, peerCommands),
        engineRate(each, margined),
        engineRate(each, nearLimit),
        engineRate(each, limited),
      ] as const
      if (round === 0) continue
      each.engine.push(rates[0])
      each.framed.push(rates[1])
      each.peer.push(rates[2])
      each.margined.push(rates[3])
      each.nearLimit.push(rates[4])
      each.limited.push(rates[5])
    }
  }
  const flows: FlowResult[] = []
  for (const each of prepared) {
    progress(`one by one: ${each.flow.name}`)
    flows.push(await resultOf(each))
  }
  return { commands: options.flow?.commands ?? options.commands, flows }
}

const flowsOf = ({ flow, commands, progress }: MatcherOptions): Flow[] => {
  if (flow !== undefined) return [flow]
  return ([1, 64] as const).flatMap(symbols =>
    (['xc', 'nq'] as const).map(mix => {
      progress(`making ${commands} commands: ${mix}, ${symbols}`)
      return makeFlow(mix, symbols, commands, seed)
    }),
  )
}

const prepare = (flow: Flow): Prepared => {
  const accounts = accountsOf(flow)
  const messages = messagesOf(new EngineRun({ ...flow, accounts }), flow)
  const frames = framesOf(messages, commandsOfFrame)
  return {
    flow,
    accounts,
    messages,
    frames,
    engine: [],
    framed: [],
    margined: [],
    nearLimit: [],
    limited: [],
    peer: [],
  }
}

const opened = ({ flow, accounts, messages }: Prepared): Engine => prefilled(flow, accounts, messages)

/** As many at once as lie in a frame. */
const applyAll = (engine: Engine, { words, from }: Messages, commands: number): void => {
  let at = from
  for (let left = commands; left > 0; left -= commandsOfFrame) {
    at = engine.applyAll(words, at, Math.min(left, commandsOfFrame))
    engine.told.clear()
  }
}

/** Restored from a state: unlike those of the engine without margin, its orders lie in memory by price. */
const margined = (prepared: Prepared): MarginedEngine => MarginedEngine.from(opened(prepared).snapshot())
const nearLimit = (prepared: Prepared): MarginedEngine => {
  const engine = margined(prepared)
  engine.tighten()
  return engine
}

const limited = (prepared: Prepared): MarginedEngine => {
  const engine = margined(prepared)
  engine.limit()
  return engine
}

const engineRate = (prepared: Prepared, open: (prepared: Prepared) => Engine): number => {
  const engine = open(prepared)
  return prepared.flow.commands / cpuSecondsOf(() => applyAll(engine, prepared.messages, prepared.flow.commands))
}

const framedRate = (prepared: Prepared): number => {
  const engine = opened(prepared)
  let previousChain = firstChain
  const seconds = cpuSecondsOf(() => {
    for (const frame of prepared.frames) {
      const opened = openOrdersFrame(frame, 1, engine.engineVersion)
      if (!opened.ok) throw new Error(`the bench's own frame is poison: ${opened.reason}`)
      if (opened.kind === 'epoch') throw new Error('the bench writes no epochs')
      engine.told.clear()
      engine.advance(flowMillis)
      engine.applyAll(opened.words, opened.from, opened.count)
      const { count } = engine.told
      const events = engine.told.bytes()
      const section = { inputSequence, atMillis: flowMillis, firstIndex: 0, count, events, previousChain }
      previousChain = sectionOf(section).chain
    }
  })
  return prepared.flow.commands / seconds
}

const inputSequence = '1'.padStart(56, '0')

/** What a flow leads to, counted from the engine's own events. */
export const answersOf = (flow: Flow): Answers => {
  const prepared = prepare(flow)
  const engine = opened(prepared)
  const { words, from, end } = prepared.messages
  let [trades, quantity, notional] = [0, 0, 0n]
  for (let at = from; at < end; at += wordsOf(words[at] as number)) {
    engine.apply(words, at)
    const { told } = engine
    for (let event = 0; event < told.length; event += wordsOf(told.words[event] as number)) {
      if (typeOf(told.words[event] as number) !== eventType['trade-executed']) continue
      const [ticks = 0, lots = 0] = told.words.subarray(event + 2, event + 4)
      trades += 1
      quantity += lots
      notional += BigInt(ticks * lots)
    }
    told.clear()
  }
  return { trades, quantity, notional: notional.toString(), liveOrders: engine.counts().openOrders }
}

const resultOf = async (prepared: Prepared): Promise<FlowResult> => {
  const { flow, messages } = prepared
  const eventBytes = eventBytesOf(prepared)
  return {
    flow: flow.name,
    answers: answersOf(flow),
    engine: spreadOf(prepared.engine),
    framed: spreadOf(prepared.framed),
    margined: spreadOf(prepared.margined),
    nearLimit: spreadOf(prepared.nearLimit),
    limited: spreadOf(prepared.limited),
    ratioOfMargined: ratios(prepared.margined, prepared.engine),
    ratioOfNearLimit: ratios(prepared.nearLimit, prepared.engine),
    ratioOfLimited: ratios(prepared.limited, prepared.margined),
    refusedNearLimit: refusedShare(prepared, nearLimit),
    refusedByLimits: refusedShare(prepared, limited) - refusedShare(prepared, margined),
    peer: spreadOf(prepared.peer),
    ratioToPeer: ratios(prepared.engine, prepared.peer),
    ratioOfFramed: ratios(prepared.framed, prepared.engine),
    commandMicros: commandMicros(prepared),
    collectionsPer2Million: (await collections(prepared)) * (2_000_000 / flow.commands),
    epochMillis: epochMillis(prepared),
    openLoopMicros: { engine: openLoop(prepared, true), empty: openLoop(prepared, false) },
    bytesOfCommand: ((messages.end - messages.from) * 4) / flow.commands,
    eventBytesOfCommand: eventBytes / flow.commands,
  }
}

/** Round by round: both were measured in the same minute. */
const ratios = (of: readonly number[], to: readonly number[]): Spread =>
  spreadOf(of.map((rate, round) => rate / (to[round] ?? Number.NaN)))

const refusedShare = (prepared: Prepared, open: (prepared: Prepared) => Engine): number => {
  const engine = open(prepared)
  const { words, from, end } = prepared.messages
  const refusals = new Set([eventType['order-rejected'], eventType['command-rejected']])
  let refused = 0
  for (let at = from; at < end; at += wordsOf(words[at] as number)) {
    engine.apply(words, at)
    if (refusals.has(typeOf(engine.told.words[0] as number))) refused += 1
    engine.told.clear()
  }
  return refused / prepared.flow.commands
}

const eventBytesOf = (prepared: Prepared): number => {
  const engine = opened(prepared)
  const { words, from, end } = prepared.messages
  let bytes = 0
  for (let at = from; at < end; at += wordsOf(words[at] as number)) {
    engine.apply(words, at)
    bytes += engine.told.length * 4
    engine.told.clear()
  }
  return bytes
}

const commandMicros = (prepared: Prepared): Percentiles => {
  const engine = opened(prepared)
  const { words, from, end } = prepared.messages
  const took = new Float64Array(prepared.flow.commands)
  let command = 0
  for (let at = from; at < end; at += wordsOf(words[at] as number)) {
    const start = performance.now()
    engine.apply(words, at)
    took[command] = (performance.now() - start) * 1_000
    engine.told.clear()
    command += 1
  }
  return percentiles(took)
}

/** Each epoch between two equal parts of the flow; another goes before them all. */
const epochMillis = (prepared: Prepared): FlowResult['epochMillis'] => {
  const engine = limited(prepared)
  const { words, from, end } = prepared.messages
  const part = Math.floor(prepared.flow.commands / (2 * epochs + 1))
  let at = from
  const longestOfPart = (): number => {
    let longest = 0
    for (let command = 0; command < part && at < end; command += 1) {
      const start = threadMillis()
      engine.apply(words, at)
      longest = Math.max(longest, threadMillis() - start)
      engine.told.clear()
      at += wordsOf(words[at] as number)
    }
    return longest
  }
  longestOfPart()
  const all = Array.from({ length: epochs }, () => ({
    before: longestOfPart(),
    switching: engine.switchEpoch(),
    behind: longestOfPart(),
  }))
  return {
    before: spreadOf(all.map(({ before }) => before)),
    switching: spreadOf(all.map(({ switching }) => switching)),
    behind: spreadOf(all.map(({ behind }) => behind)),
  }
}

const openLoop = (prepared: Prepared, applies: boolean): Percentiles => {
  const engine = opened(prepared)
  const { words, from, end } = prepared.messages
  const count = Math.min(openLoopCommands, prepared.flow.commands)
  const behind = new Float64Array(count)
  const start = performance.now()
  let at = from
  for (let command = 0; command < count && at < end; command += 1) {
    const due = start + (command * 1_000) / openLoopPerSecond
    while (performance.now() < due);
    if (applies) engine.apply(words, at)
    at += wordsOf(words[at] as number)
    engine.told.clear()
    behind[command] = (performance.now() - due) * 1_000
  }
  return percentiles(behind)
}

const percentiles = (values: Float64Array): Percentiles => {
  const sorted = values.toSorted()
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999) }
}

/** Garbage collections of any kind while the flow is applied. */
const collections = async (prepared: Prepared): Promise<number> => {
  const engine = opened(prepared)
  let count = 0
  const observer = new PerformanceObserver(list => {
    count += list.getEntries().length
  })
  const settled = () => new Promise(resolve => setTimeout(resolve, 20))
  await settled()
  observer.observe({ entryTypes: ['gc'] })
  applyAll(engine, prepared.messages, prepared.flow.commands)
  await settled()
  observer.disconnect()
  return count
}
