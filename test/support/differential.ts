import { writeCommand } from '#domain/trading/command-messages.ts'
import { commandIdOf } from '#domain/trading/commands.ts'
import { createEngine, type Engine, type EngineState, restoreEngine } from '#domain/trading/engine.ts'
import type { Event } from '#domain/trading/events.ts'
import { Tape } from '#domain/trading/tape.ts'
import { encodeOrdersFrame, openOrdersFrame } from '#protocol/orders-frame.ts'
import { deepFrozen } from '#test/support/deep-frozen.ts'
import { createNaiveExchange, type NaiveExchange } from './naive-book.ts'
import { createCommandSource, createRandom, type Random, type TimedCommand } from './random-commands.ts'

/**
 * The engine against the naive exchange, command by command and event by event; and against itself: an engine that
 * reads the same commands in other frames, some of them twice, and that is taken down and restored in between, tells
 * the same bytes and has the same state.
 */
export interface Difference {
  readonly seed: number
  readonly world: number
  readonly what: string
  /** What leads to it, made as short as could be. */
  readonly commands: readonly TimedCommand[]
}

export type Coverage = Map<string, number>

export interface Differential {
  readonly commands: number
  readonly events: number
  readonly worlds: number
  /** By `command:…`, `rejection:…`, `cancel:…`, `state:…`, `event:…`. */
  readonly coverage: Coverage
  readonly difference: Difference | undefined
}

/** Short worlds: the naive exchange grows slower with every order and fill, and each world begins otherwise. */
const commandsOfWorld = 250
const comparedEvery = 50
const lane = 1

interface Disturbance {
  readonly random: Random
  readonly restored: number
  readonly repeated: number
  readonly cut: number
}
const usually = (seed: number, random = createRandom(~seed)): Disturbance => ({
  random,
  restored: 0.01,
  repeated: 0.01,
  cut: random.pick([0.4, 0.4, 0.02]),
})
/** Where it is searched for the shortest way to a difference, nothing is left to chance. */
const always = (): Disturbance => ({ random: createRandom(0), restored: 1, repeated: 1, cut: 1 })

export const runDifferential = (options: {
  readonly commands: number
  readonly seed: number
  readonly onProgress?: (commands: number) => void
}): Differential => {
  const { seed, onProgress } = options
  const coverage: Coverage = new Map()
  let commands = 0
  let events = 0
  let world = 0
  for (; commands < options.commands; world += 1) {
    const worldSeed = Math.imul(seed, 0x9e3779b1) + world
    const source = createCommandSource(createRandom(worldSeed))
    const pair = createPair(usually(worldSeed))
    const tape: TimedCommand[] = []
    for (let n = 0; n < commandsOfWorld; n += 1) {
      const timed = source.next()
      tape.push(timed)
      const what = tried(() => {
        const told = pair.enter(timed)
        source.heard(told)
        events += told.length
        cover(coverage, timed, told)
        if (n === commandsOfWorld - 1) pair.compare()
      })
      if (what === undefined) continue
      return { commands, events, worlds: world + 1, coverage, difference: { seed, world, what, ...shortened(tape) } }
    }
    commands += commandsOfWorld
    onProgress?.(commands)
  }
  return { commands, events, worlds: world, coverage, difference: undefined }
}

class Differs extends Error {}

/** What differs, or how the engine or the naive exchange failed. */
const tried = (run: () => void): string | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof Differs) return error.message
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

interface Pair {
  enter(timed: TimedCommand): readonly Event[]
  /** All of their state. */
  compare(): void
}

const createPair = ({ random, restored, repeated, cut }: Disturbance): Pair => {
  const engine = createEngine(lane)
  const naive = createNaiveExchange()
  /** The other engine, what it has yet to read, and what it has yet to tell. */
  let other = createEngine(lane)
  let batch: TimedCommand[] = []
  let bytes: Buffer[] = []
  const scratch = new Tape()
  let count = 0

  const enter = ({ command, atMillis }: TimedCommand): Event[] => {
    scratch.clear()
    writeCommand(scratch, command)
    engine.told.clear()
    engine.advance(atMillis)
    engine.apply(scratch.words, 0)
    bytes.push(Buffer.from(engine.told.bytes()))
    return engine.events()
  }

  const applyFrame = (timed: readonly TimedCommand[]): void => {
    const frame = openOrdersFrame(
      encodeOrdersFrame(
        lane,
        timed.map(({ command }) => command),
      ),
      lane,
      other.engineVersion,
    )
    if (!frame.ok) throw new Differs(`a frame of random commands is poison: ${frame.reason}`)
    if (frame.kind === 'epoch') throw new Differs('a frame of random commands is one of an epoch')
    other.told.clear()
    other.advance(timed[0]?.atMillis ?? 0)
    other.applyAll(frame.words, frame.from, frame.count)
  }

  const flush = (): void => {
    if (batch.length === 0) return
    applyFrame(batch)
    if (!Buffer.concat(bytes).equals(other.told.bytes()))
      throw new Differs(`framed otherwise, ${batch.length} commands lead to other bytes: ${diff(engine, other)}`)
    if (random.chance(repeated * batch.length)) {
      const again = random.pick(batch)
      applyFrame([again])
      const told = other.events()
      const expected = [{ type: 'command-duplicated', commandId: commandIdOf(again.command) }]
      if (!isSame(told, expected)) throw new Differs(`a command that arrives again leads to ${JSON.stringify(told)}`)
    }
    batch = []
    bytes = []
    if (!random.chance(restored)) return
    const text = sameState()
    other = restoreEngine(JSON.parse(text))
    const after = JSON.stringify(other.snapshot())
    if (after !== text) throw new Differs(`restored, it is another: ${firstDifference(text, after)}`)
  }

  const sameState = (): string => {
    const [one, two] = [JSON.stringify(deepFrozen(engine.snapshot())), JSON.stringify(deepFrozen(other.snapshot()))]
    if (one !== two) throw new Differs(`the states of both engines differ: ${firstDifference(one, two)}`)
    return one
  }

  return {
    enter(timed) {
      const before = batch.at(-1)
      if (before !== undefined && before.atMillis !== timed.atMillis) flush()
      const told = enter(timed)
      const expected = naive.enter(timed.command, timed.atMillis)
      for (let index = 0; index < Math.max(told.length, expected.length); index += 1)
        if (!isSame(told[index], expected[index]))
          throw new Differs(
            `event ${index}\n  engine ${JSON.stringify(told[index])}\n  naive  ${JSON.stringify(expected[index])}`,
          )
      batch.push(timed)
      // What it brings may not come in the same frame.
      if (timed.command.type === 'activate-engine-version' || random.chance(cut)) flush()
      count += 1
      if (count % comparedEvery === 0 || cut === 1) compareToNaive(engine.snapshot(), naive)
      return told
    },
    compare() {
      flush()
      sameState()
      const state = engine.snapshot()
      compareToNaive(state, naive)
      checkSums(state)
    },
  }
}

const compareToNaive = (state: EngineState, naive: NaiveExchange): void => {
  const books = state.books.flatMap(({ buy, sell, waiting }) =>
    [...buy, ...sell, ...waiting].map(
      order =>
        `${order.orderId} ${order.quantityLots - order.filledLots} of ${order.quantityLots} @ ${order.priceTicks}`,
    ),
  )
  const accounts = state.accounts.map(({ account, cashMicros, positions }) => {
    const lines = positions.map(
      ({ sizeLots, entryTickLots, realisedMicros }) => `${sizeLots} ${entryTickLots} ${realisedMicros}`,
    )
    return `${account} ${cashMicros}: ${lines.join(', ')}`
  })
  for (const [name, one, two] of [
    ['the books', books, naive.books()],
    ['cash and positions', accounts, naive.accounts()],
  ] as const)
    if (!isSame(one, two)) throw new Differs(`${name}\n  engine ${one.join('; ')}\n  naive  ${two.join('; ')}`)
  for (const index of state.accounts.keys())
    if (naive.spareMicros(index + 1) < 0) throw new Differs(`account ${index + 1} may come to owe what it has not`)
}

/** Trading makes no money and no positions, and loses none. */
const checkSums = (state: EngineState): void => {
  const positions = state.accounts.flatMap(account => account.positions)
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
  for (const { instrument } of state.books) {
    const own = positions.filter(({ instrumentId }) => instrumentId === instrument.instrumentId)
    // What one side paid the other received, so results differ from zero only by what is still open.
    const open = sum(own.map(({ entryTickLots }) => entryTickLots)) * instrument.microsPerTickLot
    const isAsset = instrument.specification.kind === 'collateral'
    if (isAsset && own.some(({ sizeLots }) => sizeLots < 0)) throw new Differs('collateral is owed')
    if (!isAsset && sum(own.map(({ sizeLots }) => sizeLots)) !== 0) throw new Differs('positions do not sum to zero')
    if (sum(own.map(({ realisedMicros }) => realisedMicros)) !== open) throw new Differs('results come from nowhere')
  }
  const results = sum(positions.map(({ realisedMicros }) => realisedMicros))
  const owned = sum(state.accounts.map(({ cashMicros }) => cashMicros))
  if (owned + state.houseMicros - results !== state.depositedMicros) throw new Differs('money comes from nowhere')
}

const isSame = (one: unknown, two: unknown): boolean => {
  if (one === two) return true
  if (typeof one !== 'object' || typeof two !== 'object' || one === null || two === null) return false
  if (Array.isArray(one) !== Array.isArray(two)) return false
  const names = Object.keys(one)
  if (names.length !== Object.keys(two).length) return false
  return names.every(name => name in two && isSame(Reflect.get(one, name), Reflect.get(two, name)))
}

const diff = (engine: Engine, other: Engine): string =>
  `\n  one at a time, last ${JSON.stringify(engine.events())}\n  together ${JSON.stringify(other.events())}`

const firstDifference = (one: string, two: string): string => {
  let at = 0
  while (at < one.length && one[at] === two[at]) at += 1
  const from = Math.max(0, at - 80)
  return `\n  …${one.slice(from, at + 80)}\n  …${two.slice(from, at + 80)}`
}

/** Leaves out what is not needed: halves first, then ever smaller parts, then single commands. */
const shortened = (tape: readonly TimedCommand[]): Pick<Difference, 'commands'> => {
  const differs = (commands: readonly TimedCommand[]): boolean => {
    const pair = createPair(always())
    return (
      tried(() => {
        for (const timed of commands) pair.enter(timed)
        pair.compare()
      }) !== undefined
    )
  }
  // It may take a restore at the right moment only: then the tape as it was is what there is.
  if (!differs(tape)) return { commands: tape }
  let left = tape
  for (let part = Math.ceil(tape.length / 2); ; part = Math.ceil(part / 2)) {
    for (let from = 0; from < left.length; ) {
      const without = [...left.slice(0, from), ...left.slice(from + part)]
      if (differs(without)) left = without
      else from += part
    }
    if (part === 1) return { commands: left }
  }
}

/** Of a difference, to be read: the last commands that lead to it. */
export const tapeOf = (difference: Difference, most = 100): string =>
  difference.commands
    .slice(-most)
    .map(({ command, atMillis }) => `${atMillis} ${JSON.stringify(command)}`)
    .join('\n')

const cover = (coverage: Coverage, { command }: TimedCommand, events: readonly Event[]): void => {
  const note = (name: string): void => {
    coverage.set(name, (coverage.get(name) ?? 0) + 1)
  }
  note(`command:${command.type}`)
  if (command.type === 'place-order') {
    note(`order:${command.orderType}`)
    note(`time:${command.timeInForce}`)
    note(`prevention:${command.selfTradePrevention}`)
  }
  if (command.type === 'settle-instrument') note(`settlement:${command.settlementKind}`)
  for (const event of events) {
    if (event.type === 'position-settled') note(`payment:${event.settlementKind}`)
    note(`event:${event.type}`)
    if ('code' in event) note(`rejection:${event.code}`)
    if (event.type === 'order-cancelled') note(`cancel:${event.reason}`)
    if (event.type === 'trade-executed' && event.isAuction) note('event:auction-trade-executed')
    if (event.type === 'trading-state-changed') {
      note(`state:${event.state}`)
      note(`cause:${event.cause}`)
    }
    if (event.type === 'instrument-expired') note('state:expired')
  }
}
