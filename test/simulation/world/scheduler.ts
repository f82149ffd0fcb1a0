/**
 * Virtual time and simulated processes. One thing happens at a time: a virtual event, then all microtasks that follow
 * from it, then the next one, at whose time the clock then stands. Who is first of two that are due at once is drawn.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as realImmediate } from 'node:timers'
import type { Random } from './random.ts'

export type Ending =
  | { readonly how: 'returned' }
  | { readonly how: 'killed' }
  /** As an uncaught error ends a process of Node. */
  | { readonly how: 'threw'; readonly error: unknown }

export interface ProcessOptions {
  readonly name: string
  /** For the table of faults: leader, standby, projector, intake, client… */
  readonly kind: string
  /** Of its wall clock against the world's. */
  readonly skewMillis?: number
  /** Of its monotonic clock and its timers: 1.01 runs a hundredth fast. */
  readonly clockRate?: number
  /** Its calls meet no faults: for those who watch. */
  readonly isFaultless?: boolean
}

const processes = new AsyncLocalStorage<SimProcess>()

/** Whose code runs now; undefined for the world's own. */
export const currentProcess = (): SimProcess | undefined => processes.getStore()

/** Times are multiples of it: sums and differences are exact, so a schedule is the same wherever its clock begins. */
const grain = 8
const grained = (millis: number): number => Math.ceil(millis * grain) / grain

export class VirtualEvent {
  dueMillis: number
  tie: number
  readonly process: SimProcess | undefined
  callback: (() => void) | undefined
  /** Of an interval. */
  repeatMillis: number | undefined

  constructor(dueMillis: number, tie: number, process: SimProcess | undefined, callback: () => void) {
    this.dueMillis = dueMillis
    this.tie = tie
    this.process = process
    this.callback = callback
  }

  cancel(): void {
    this.callback = undefined
    this.repeatMillis = undefined
  }

  // What Node's Timeout and Immediate can do.
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
  hasRef(): boolean {
    return true
  }
  [Symbol.dispose](): void {
    this.cancel()
  }
}

export class SimProcess {
  readonly id: number
  readonly name: string
  readonly kind: string
  readonly isFaultless: boolean
  readonly clockRate: number
  skewMillis: number
  state: 'running' | 'frozen' | 'ended' = 'running'
  ending: Ending | undefined
  readonly ended: Promise<Ending>
  /** Came due while it was frozen. */
  readonly held: VirtualEvent[] = []
  /** First in, first out. */
  readonly immediates: { callback: (() => void) | undefined }[] = []
  readonly endWith: (ending: Ending) => void
  private readonly onEnded: ((ending: Ending) => void)[] = []

  constructor(id: number, { name, kind, skewMillis = 0, clockRate = 1, isFaultless = false }: ProcessOptions) {
    this.id = id
    this.name = name
    this.kind = kind
    this.skewMillis = skewMillis
    this.clockRate = clockRate
    this.isFaultless = isFaultless
    const { promise, resolve } = Promise.withResolvers<Ending>()
    this.ended = promise
    const endWith = (ending: Ending): void => {
      if (this.state === 'ended') return
      this.state = 'ended'
      this.ending = ending
      this.held.length = 0
      this.immediates.length = 0
      for (const told of this.onEnded) told(ending)
      resolve(ending)
    }
    // V8 puts a function that is assigned as it is written among what is old, and with it all that it knows of.
    this.endWith = endWith
  }

  /** Runs something as this process. */
  enter<Result>(run: () => Result): Result {
    return processes.run(this, run)
  }

  /** At the moment of its end, whatever it is. */
  whenEnded(told: (ending: Ending) => void): void {
    this.onEnded.push(told)
  }
}

export type RunEnd = 'stopped' | 'idle' | 'time-is-up'

/** So many macrotasks are queued at once: each gives microtasks their turn, and the event loop is not gone around for each. */
const turnsAtOnce = 128
/** Of no world in particular: what is queued when one ends is the next one's, and holds nothing of the first in memory. */
let turnsQueued = 0
let turnOf: Scheduler | undefined

const queueTurns = (): void => {
  turnsQueued = turnsAtOnce
  for (let i = 0; i < turnsAtOnce; i++) realImmediate(turn)
}

const turn = (): void => {
  turnsQueued--
  turnOf?.turn()
  if (turnsQueued === 0 && turnOf !== undefined) queueTurns()
}

const never = Number.POSITIVE_INFINITY
const tieStep = 0x100000

export class Scheduler {
  nowMillis = 0
  /** Virtual events that have run. */
  events = 0
  /** Of all that happened, in order. */
  traceHash = 0x811c9dc5
  /** What was thrown or rejected with no simulated process to blame. */
  readonly failures: unknown[] = []
  /** Run before the next event, once all that follows from the current one has. */
  readonly afterTurn: (() => void)[] = []
  readonly all: SimProcess[] = []
  private readonly random: Random
  private readonly heap: VirtualEvent[] = []
  /** Timers that one event sets for the same moment are in order, as in Node: they share what was drawn for the tie. */
  private tieOfEvent = -1
  private tieCount = 0
  private isStopped = false
  private untilMillis = never
  private finish: ((end: RunEnd) => void) | undefined

  constructor(random: Random) {
    this.random = random
  }

  /** For the hash of the trace: equal for equal schedules only. */
  trace(number: number): void {
    this.traceHash = Math.imul(this.traceHash ^ number, 0x01000193)
  }

  clear(): void {
    this.heap.length = 0
    this.all.length = 0
    this.afterTurn.length = 0
  }

  spawn(options: ProcessOptions, main: () => Promise<unknown> | undefined): SimProcess {
    const started = new SimProcess(this.all.length + 1, options)
    this.all.push(started)
    this.schedule(started, 0, () => {
      const running = main()
      running?.then(
        () => this.end(started, { how: 'returned' }),
        (error: unknown) => this.end(started, { how: 'threw', error }),
      )
    })
    return started
  }

  kill(process: SimProcess): void {
    this.end(process, { how: 'killed' })
  }

  end(process: SimProcess, ending: Ending): void {
    this.trace(process.id)
    process.endWith(ending)
  }

  /** As SIGSTOP: its clock goes on, and what comes due for it waits. */
  freeze(process: SimProcess): void {
    if (process.state === 'running') process.state = 'frozen'
  }

  resume(process: SimProcess): void {
    if (process.state !== 'frozen') return
    process.state = 'running'
    this.tieOfEvent = -1
    for (const event of process.held.splice(0)) {
      event.dueMillis = this.nowMillis
      event.tie = this.nextTie()
      this.push(event)
    }
  }

  /** For the world's own purposes, or as a process whose it is. */
  schedule(process: SimProcess | undefined, delayMillis: number, callback: () => void): VirtualEvent {
    const tie = (this.random.bits() >>> 4) * tieStep
    const event = new VirtualEvent(this.nowMillis + grained(delayMillis), tie, process, callback)
    this.push(event)
    return event
  }

  /** As setTimeout and setInterval: at least a millisecond, and late by less than another one. */
  timer(callback: () => void, delayMillis: number, repeats: boolean): VirtualEvent {
    const process = currentProcess()
    const wanted = delayMillis >= 1 && delayMillis <= 0x7fffffff ? Math.trunc(delayMillis) : 1
    const tie = this.nextTie()
    const delay = wanted / (process?.clockRate ?? 1) + (this.tieOfEvent & 7) / grain
    const event = new VirtualEvent(this.nowMillis + grained(delay), tie, process, callback)
    if (repeats) event.repeatMillis = wanted
    if (process?.state !== 'ended') this.push(event)
    return event
  }

  immediate(callback: () => void): { cancel(): void } {
    const process = currentProcess()
    if (process === undefined) return this.schedule(undefined, 0, callback)
    const queued: { callback: (() => void) | undefined } = { callback }
    if (process.state !== 'ended') {
      process.immediates.push(queued)
      this.schedule(process, 0, () => process.immediates.shift()?.callback?.())
    }
    return {
      cancel() {
        queued.callback = undefined
      },
    }
  }

  /** Of the process that asks, since the beginning of the world. */
  monotonicMillis(): number {
    const process = currentProcess()
    return process === undefined || process.clockRate === 1
      ? this.nowMillis
      : grained(this.nowMillis * process.clockRate)
  }

  /** Resolves when all that follows from what has happened so far has. */
  drained(): Promise<void> {
    return new Promise(resolve => {
      realImmediate(resolve)
    })
  }

  stop(): void {
    this.isStopped = true
  }

  /** Until somebody calls `stop`, nothing is left to happen, or the time has come. May be called again. */
  run(untilMillis = never): Promise<RunEnd> {
    if (this.finish !== undefined) throw new Error('the simulation runs already')
    this.isStopped = false
    this.untilMillis = untilMillis
    return new Promise(resolve => {
      this.finish = resolve
      turnOf = this
      if (turnsQueued === 0) queueTurns()
    })
  }

  turn(): void {
    const end = this.step()
    if (end === undefined) return
    const { finish } = this
    turnOf = undefined
    this.finish = undefined
    finish?.(end)
  }

  private step(): RunEnd | undefined {
    const { afterTurn } = this
    while (afterTurn.length > 0) afterTurn.shift()?.()
    if (this.isStopped) return 'stopped'
    for (;;) {
      const event = this.heap[0]
      if (event === undefined) return 'idle'
      if (event.callback === undefined || event.process?.state === 'ended') {
        this.pop()
        continue
      }
      if (event.dueMillis > this.untilMillis) {
        this.nowMillis = this.untilMillis
        return 'time-is-up'
      }
      this.pop()
      if (event.dueMillis > this.nowMillis) this.nowMillis = event.dueMillis
      if (event.process?.state === 'frozen') {
        event.process.held.push(event)
        continue
      }
      this.execute(event, event.callback)
      return undefined
    }
  }

  private execute(event: VirtualEvent, callback: () => void): void {
    const { process } = event
    this.events++
    this.tieOfEvent = -1
    this.trace(process === undefined ? 0 : process.id)
    this.trace(this.nowMillis * grain)
    try {
      if (process === undefined) callback()
      else process.enter(callback)
    } catch (error) {
      if (process === undefined) this.failures.push(error)
      else this.end(process, { how: 'threw', error })
    }
    if (event.repeatMillis === undefined) return
    event.dueMillis = this.nowMillis + grained(event.repeatMillis / (process?.clockRate ?? 1))
    event.tie = this.nextTie()
    this.push(event)
  }

  private nextTie(): number {
    if (this.tieOfEvent < 0) {
      this.tieOfEvent = this.random.bits() >>> 4
      this.tieCount = 0
    }
    return this.tieOfEvent * tieStep + this.tieCount++
  }

  // A binary heap by time and tie.
  private push(event: VirtualEvent): void {
    const { heap } = this
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above] as VirtualEvent
      if (!isBefore(event, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = event
  }

  private pop(): void {
    const { heap } = this
    const last = heap.pop()
    const length = heap.length
    if (last === undefined || length === 0) return
    let at = 0
    for (;;) {
      let below = at * 2 + 1
      if (below >= length) break
      let child = heap[below] as VirtualEvent
      const other = heap[below + 1]
      if (other !== undefined && isBefore(other, child)) {
        child = other
        below++
      }
      if (!isBefore(child, last)) break
      heap[at] = child
      at = below
    }
    heap[at] = last
  }
}

const isBefore = (one: VirtualEvent, other: VirtualEvent): boolean =>
  one.dueMillis < other.dueMillis || (one.dueMillis === other.dueMillis && one.tie < other.tie)
