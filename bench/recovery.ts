import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEngine, restoreEngine } from '#domain/trading/engine.ts'
import { jsonParts } from '#matcher/snapshotter.ts'
import { encodeOrdersFrame } from '#protocol/orders-frame.ts'
import { accountsOf, EngineRun, framesOf, type Messages, messagesOf, openingOf } from './engine-run.ts'
import type { Flow } from './flow-file.ts'
import { makeFlow } from './flows.ts'
import { replayLane } from './replayed-lane.ts'
import { cpuSecondsOf, type Spread, spreadOf } from './rounds.ts'

export interface RecoveryResult {
  readonly commands: number
  readonly flows: readonly RecoveredFlow[]
}

export interface RecoveredFlow {
  readonly flow: string
  /** Commands a CPU-second, from the stream's records to chained sections, as a start does it. */
  readonly replay: Spread
  readonly openOrders: number
  readonly snapshotBytes: number
  /** For how long the standby stands still: the state as objects. */
  readonly captureMillis: Spread
  /** As text with its hash, in between other work. */
  readonly writeMillis: Spread
  /** From the text to an engine. */
  readonly restoreMillis: Spread
  /** Of a process, from its start until it is level with the end of the history; the stores' own time left out. */
  readonly coldMillis: Spread
  /** The same from a snapshot with a tail of a tenth of the history. */
  readonly warmMillis: Spread
}

export interface RecoveryOptions {
  readonly commands: number
  readonly rounds: number
  readonly symbols?: readonly (1 | 64)[]
  readonly progress: (line: string) => void
}

const seed = 12_345
const commandsOfFrame = 500
const tailShare = 0.1

/** What a start costs after so many commands. */
export const benchRecovery = async ({
  commands,
  rounds,
  symbols: books = [1, 64],
  progress,
}: RecoveryOptions): Promise<RecoveryResult> => {
  const flows: RecoveredFlow[] = []
  for (const symbols of books) {
    const flow = makeFlow('nq', symbols, commands, seed)
    progress(`recovery: ${flow.name}`)
    flows.push(await measure(flow, rounds))
  }
  return { commands, flows }
}

const measure = async (flow: Flow, rounds: number): Promise<RecoveredFlow> => {
  const records = historyOf(flow)
  const folder = mkdtempSync(join(tmpdir(), 'recovery-'))
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  // Also where the bench is asked to end in between.
  process.once('exit', removeFolder)
  try {
    const whole = join(folder, 'history')
    writeRecords(whole, records)
    const found = { replay: [], capture: [], write: [], restore: [], cold: [], warm: [] } as Record<string, number[]>
    const add = (name: string, value: number) => found[name]?.push(value)
    let [snapshotBytes, openOrders] = [0, 0]
    for (let round = 0; round < rounds; round += 1) {
      const engine = createEngine(1)
      const start = process.cpuUsage()
      await replayLane(engine, records)
      const { user, system } = process.cpuUsage(start)
      add('replay', (flow.prefill + flow.commands) / ((user + system) / 1e6))
      openOrders = engine.counts().openOrders
      let state = engine.snapshot()
      add('capture', 1_000 * cpuSecondsOf(() => (state = engine.snapshot())))
      const startedMillis = performance.now()
      const hash = createHash('sha256')
      const parts: string[] = []
      for await (const part of jsonParts(state)) {
        hash.update(part)
        parts.push(part)
      }
      hash.digest()
      add('write', performance.now() - startedMillis)
      const text = parts.join('')
      snapshotBytes = Buffer.byteLength(text)
      add('restore', 1_000 * cpuSecondsOf(() => restoreEngine(JSON.parse(text))))
      const snapshot = join(folder, 'snapshot')
      const kept = Math.floor(records.length * (1 - tailShare))
      const early = createEngine(1)
      await replayLane(early, records.slice(0, kept))
      writeFileSync(snapshot, JSON.stringify(early.snapshot()))
      const tail = join(folder, 'tail')
      writeRecords(tail, records.slice(kept))
      add('cold', await readyMillis(whole, ''))
      add('warm', await readyMillis(tail, snapshot))
    }
    const spread = (name: string): Spread => spreadOf(found[name] ?? [])
    return {
      flow: flow.name,
      replay: spread('replay'),
      openOrders,
      snapshotBytes,
      captureMillis: spread('capture'),
      writeMillis: spread('write'),
      restoreMillis: spread('restore'),
      coldMillis: spread('cold'),
      warmMillis: spread('warm'),
    }
  } finally {
    process.off('exit', removeFolder)
    removeFolder()
  }
}

/** The order stream from its first record on: the opening, the prefill and the flow, in frames. */
const historyOf = (flow: Flow): readonly Uint8Array[] => {
  const accounts = accountsOf(flow)
  const messages: Messages = { ...messagesOf(new EngineRun({ ...flow, accounts }), flow), from: 0 }
  const opening = openingOf({ ...flow, accounts })
  const frames: Uint8Array[] = []
  for (let at = 0; at < opening.length; at += commandsOfFrame)
    frames.push(encodeOrdersFrame(1, opening.slice(at, at + commandsOfFrame)))
  return [...frames, ...framesOf(messages, commandsOfFrame)]
}

/** Each with its length before it. */
const writeRecords = (file: string, records: readonly Uint8Array[]): void => {
  const lengths = records.map(record => {
    const length = Buffer.alloc(4)
    length.writeUInt32LE(record.length)
    return length
  })
  writeFileSync(file, Buffer.concat(records.flatMap((record, index) => [lengths[index] ?? Buffer.alloc(0), record])))
}

const readyMillis = async (history: string, snapshot: string): Promise<number> => {
  const startedMillis = performance.now()
  const child = fork(new URL('recovery-process.ts', import.meta.url), [history, snapshot])
  const kill = () => child.kill()
  process.once('exit', kill)
  await once(child, 'message')
  const millis = performance.now() - startedMillis
  process.off('exit', kill)
  kill()
  return millis
}
