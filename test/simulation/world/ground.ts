/**
 * What the product calls of its surroundings, replaced while a simulation runs: clocks, timers, signals, chance and the
 * environment. Node gives `node:timers/promises` and `node:perf_hooks` to importers as they are when these first link
 * them (under jest) or as they are now (under node): so two functions of theirs are wrapped once, when this file is
 * first evaluated, and a test under jest imports the product after it, by `await import`.
 */
import { createRequire, syncBuiltinESMExports } from 'node:module'
import process from 'node:process'
import { setImmediate as realImmediate } from 'node:timers'
import { runInThisContext } from 'node:vm'
import { crc32 } from 'node:zlib'
import { v7 } from 'uuid'
import type { Random } from './random.ts'
import { currentProcess, type Scheduler } from './scheduler.ts'
import { keepTimeOfSignals, VirtualAbortController, VirtualAbortSignal } from './signals.ts'

export interface Ground {
  readonly scheduler: Scheduler
  /** For Math.random and crypto.getRandomValues. */
  readonly random: Random
  /** What the wall says when virtual time is 0. */
  readonly startMillis: number
  readonly environment: Readonly<Record<string, string>>
}

interface Standing extends Ground {
  /** Of performance.now(): each world's lies beyond all before it, so that what a module has kept for a while is stale. */
  readonly originMillis: number
}

let standing: Standing | undefined
let worlds = 0
const originStepMillis = 100_000_000

const require = createRequire(import.meta.url)
/** Jest gives its tests another, which hears of nothing. */
const realProcess: NodeJS.Process = runInThisContext('process')
const RealDate = Date
const realEnvironment = { ...process.env }

/** Instead of what the wall says, for a moment. */
let forcedWallMillis: number | undefined

/** The wall clock of whoever asks. */
export const wallMillis = (): number => {
  if (forcedWallMillis !== undefined) return forcedWallMillis
  if (standing === undefined) return RealDate.now()
  const { scheduler, startMillis } = standing
  return Math.floor(startMillis + scheduler.nowMillis + (currentProcess()?.skewMillis ?? 0))
}

const ground = (): Standing => {
  if (standing === undefined) throw new Error('no simulation runs')
  return standing
}

/** Replaced while worlds stand; between two worlds the real one is called. */
interface Replacement {
  readonly of: object
  readonly member: string
  readonly by: (real: unknown) => unknown
}

const replaced: Replacement[] = []

export const replaceWhileWorldsStand = (...more: readonly Replacement[]): void => {
  replaced.push(...more)
}

type Method = (...args: never[]) => unknown

const calling = (real: unknown, owner: object, args: readonly unknown[]): unknown => {
  if (typeof real !== 'function') throw new TypeError('no function is replaced')
  return Reflect.apply(real, owner, args)
}

/** A function in the place of another, for the time that a world stands. */
const instead =
  (owner: object, replacement: Method) =>
  (real: unknown) =>
  (...args: unknown[]): unknown =>
    standing === undefined ? calling(real, owner, args) : Reflect.apply(replacement, owner, args)

type Callback = (...args: readonly unknown[]) => void

const bound = (callback: Callback, args: readonly unknown[]) => (args.length === 0 ? callback : () => callback(...args))

const isVirtual = (timer: unknown): timer is { cancel(): void } =>
  typeof timer === 'object' && timer !== null && 'cancel' in timer && typeof timer.cancel === 'function'

/** Also of timers from before the world, and after it. */
const clearing = (real: unknown) => (timer: unknown) => {
  if (isVirtual(timer)) timer.cancel()
  else calling(real, globalThis, [timer])
}

const later = (callback: () => void, delayMillis = 0) => ground().scheduler.timer(callback, delayMillis, false)

interface PromisedOptions {
  readonly signal?: VirtualAbortSignal
}

/** As in node:timers/promises. */
const promised = <Value>(
  delayMillis?: number,
  value?: Value,
  { signal }: PromisedOptions = {},
): Promise<Value | undefined> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const abort = () => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = later(() => {
      signal?.removeEventListener('abort', abort)
      resolve(value)
    }, delayMillis)
    signal?.addEventListener('abort', abort)
  })

function VirtualDate(...args: ConstructorParameters<typeof Date> | []): Date | string {
  const made = Reflect.construct(RealDate, args.length === 0 ? [wallMillis()] : args)
  return new.target === undefined ? String(made) : made
}
VirtualDate.prototype = RealDate.prototype
Object.assign(VirtualDate, { now: wallMillis, parse: RealDate.parse, UTC: RealDate.UTC })

const randomBytes = <View extends ArrayBufferView>(view: View): View => {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  const { random } = ground()
  for (let at = 0; at < bytes.length; at++) bytes[at] = random.bits()
  return view
}

const monotonic = (real: unknown) => (): unknown =>
  standing === undefined ? calling(real, performance, []) : standing.originMillis + standing.scheduler.monotonicMillis()

const silentHistogram = {
  enable: () => true,
  disable: () => true,
  reset: () => undefined,
  percentile: () => 0,
  min: 0,
  max: 0,
  mean: 0,
  stddev: 0,
}

const gzipHeader = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255)
const mostStoredBytes = 65_535

/** A gzip file all the same, of stored blocks: nothing here depends on how small it is, and to make it small costs most. */
const stored = (data: string | Uint8Array): Uint8Array => {
  const bytes = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data.buffer, data.byteOffset, data.length)
  const blocks = Math.max(1, Math.ceil(bytes.length / mostStoredBytes))
  const file = Buffer.alloc(gzipHeader.length + blocks * 5 + bytes.length + 8)
  file.set(gzipHeader)
  let at = gzipHeader.length
  for (let block = 0; block < blocks; block++) {
    const part = bytes.subarray(block * mostStoredBytes, (block + 1) * mostStoredBytes)
    file[at] = block === blocks - 1 ? 1 : 0
    file.writeUInt16LE(part.length, at + 1)
    file.writeUInt16LE(part.length ^ 0xffff, at + 3)
    file.set(part, at + 5)
    at += 5 + part.length
  }
  file.writeUInt32LE(crc32(bytes), at)
  file.writeUInt32LE(bytes.length >>> 0, at + 4)
  return file
}

const replaceInModule = (name: string, member: string, replacement: Method) => {
  const module: Record<string, unknown> = require(name)
  module[member] = instead(module, replacement)(module[member])
}

replaceInModule('node:timers/promises', 'setTimeout', promised)
replaceInModule('node:timers/promises', 'setImmediate', (value: unknown) => promised(0, value))
// Of a leader that is killed it would go on for good, at 100 times a second.
replaceInModule('node:perf_hooks', 'monitorEventLoopDelay', () => silentHistogram)
replaceInModule('node:zlib', 'gzipSync', stored)
syncBuiltinESMExports()

const inGlobal = (member: string, by: Replacement['by']): Replacement => ({ of: globalThis, member, by })

replaceWhileWorldsStand(
  inGlobal(
    'setTimeout',
    instead(globalThis, (callback: Callback, delayMillis?: number, ...args: unknown[]) =>
      later(bound(callback, args), delayMillis),
    ),
  ),
  inGlobal(
    'setInterval',
    instead(globalThis, (callback: Callback, delayMillis = 0, ...args: unknown[]) =>
      ground().scheduler.timer(bound(callback, args), delayMillis, true),
    ),
  ),
  inGlobal(
    'setImmediate',
    instead(globalThis, (callback: Callback, ...args: unknown[]) =>
      ground().scheduler.immediate(bound(callback, args)),
    ),
  ),
  inGlobal('clearTimeout', clearing),
  inGlobal('clearInterval', clearing),
  inGlobal('clearImmediate', clearing),
  inGlobal('AbortSignal', () => VirtualAbortSignal),
  inGlobal('AbortController', () => VirtualAbortController),
  inGlobal('Date', () => VirtualDate),
  { of: performance, member: 'now', by: monotonic },
  { of: Math, member: 'random', by: instead(Math, () => ground().random.unit()) },
  { of: crypto, member: 'getRandomValues', by: instead(crypto, randomBytes) },
  // Nobody reads the stacks of errors that are part of the game, and each costs more than a call.
  { of: Error, member: 'stackTraceLimit', by: () => 0 },
)

const replace = ({ of, member, by }: Replacement): (() => void) => {
  const own = Object.getOwnPropertyDescriptor(of, member)
  Object.defineProperty(of, member, {
    value: by(Reflect.get(of, member)),
    configurable: true,
    writable: true,
    enumerable: own?.enumerable ?? false,
  })
  return () => {
    if (own === undefined) Reflect.deleteProperty(of, member)
    else Object.defineProperty(of, member, own)
  }
}

/**
 * Each replacement of a global makes V8 throw away compiled code, a fifth of a schedule's cost: so they stay from one
 * world to the next, and end when a turn of the event loop has passed without one.
 */
let giveBack: (() => void) | undefined

const take = (): void => {
  if (giveBack !== undefined) return
  const undo = replaced.map(replace)
  giveBack = () => {
    for (const each of undo.toReversed()) each()
    giveBack = undefined
  }
}

const giveBackSoon = (): void => {
  realImmediate(() => {
    if (standing === undefined) giveBack?.()
  })
}

/**
 * The maker of ids remembers the latest time it has seen, and counts on from there: so each world begins by showing it
 * one that is later than all before, whose 48 bits that go into an id are the same. Then the ids of a schedule are the
 * same too, whatever ran before it.
 */
const resetIds = (world: number): void => {
  forcedWallMillis = idsMillis + world * 2 ** 48
  v7()
  forcedWallMillis = undefined
}

/** A multiple of so many that the sums are exact. */
const idsMillis = Math.floor(Date.UTC(2026, 0, 5) / 2 ** 20) * 2 ** 20

const blame = (reason: unknown): void => {
  const process = currentProcess()
  const { scheduler } = ground()
  if (process === undefined) scheduler.failures.push(reason)
  else scheduler.end(process, { how: 'threw', error: reason })
}

/** From now on the product stands on it; answers how to give everything back. One at a time. */
export const standOn = (next: Ground): (() => void) => {
  if (standing !== undefined) throw new Error('a simulation runs already')
  standing = { ...next, originMillis: ++worlds * originStepMillis }
  const { scheduler } = next
  keepTimeOfSignals({
    now: () => scheduler.nowMillis,
    timer: (callback, delayMillis) => scheduler.timer(callback, delayMillis, false),
  })
  // Node ends at a rejection that nobody handles, and so does a simulated process. A listener that is there already
  // (jest's own) must not hear of it.
  const others = realProcess.listeners('unhandledRejection')
  realProcess.removeAllListeners('unhandledRejection')
  realProcess.on('unhandledRejection', blame)
  // Reading the real one is a call to the system for each variable.
  const { env } = process
  process.env = { ...realEnvironment, ...next.environment }
  take()
  resetIds(worlds)
  return () => {
    process.env = env
    realProcess.off('unhandledRejection', blame)
    for (const other of others) realProcess.on('unhandledRejection', other)
    keepTimeOfSignals(undefined)
    standing = undefined
    giveBackSoon()
  }
}
