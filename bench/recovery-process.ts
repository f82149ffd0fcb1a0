/** One start of `bench recovery`: reads snapshot and history from files, replays, says that it is level. */
import { readFileSync } from 'node:fs'
import { createEngine, restoreEngine } from '#domain/trading/engine.ts'
import { replayLane } from './replayed-lane.ts'

const [history = '', snapshot = ''] = process.argv.slice(2)
const engine = snapshot === '' ? createEngine(1) : restoreEngine(JSON.parse(readFileSync(snapshot, 'utf8')))
const bytes = readFileSync(history)
const records: Uint8Array[] = []
for (let at = 0; at < bytes.length; ) {
  const length = bytes.readUInt32LE(at)
  records.push(bytes.subarray(at + 4, at + 4 + length))
  at += 4 + length
}
await replayLane(engine, records)
process.send?.('level')
