import { faultOf, readCommand, writeCommand } from '#domain/trading/command-messages.ts'
import type { Command } from '#domain/trading/commands.ts'
import { newestEngineVersion } from '#domain/trading/engine-version.ts'
import type { PoisonReason } from '#domain/trading/events.ts'
import { wordsOf } from '#domain/trading/messages.ts'
import { Tape } from '#domain/trading/tape.ts'
import {
  AlignedCopy,
  frameHeaderBytes,
  frameHeaderWords,
  frameKinds,
  InvalidFrame,
  openFrame,
  sealFrame,
} from './frames.ts'

/** Says that a leader has begun, and which: its epoch is above 0. */
interface EpochFrame {
  readonly ok: true
  readonly kind: 'epoch'
  readonly epoch: number
}

export type OrdersFrame =
  | { readonly ok: true; readonly kind: 'commands'; readonly commands: readonly Command[] }
  | EpochFrame
  | { readonly ok: false; readonly reason: PoisonReason }

export type OpenedOrdersFrame =
  | {
      readonly ok: true
      readonly kind: 'commands'
      /** In one buffer for all frames: valid until the next one is opened. */
      readonly words: Int32Array
      /** Where the first message lies; the others follow, each as long as its header says. */
      readonly from: number
      readonly count: number
    }
  | EpochFrame
  | { readonly ok: false; readonly reason: PoisonReason }

const tape = new Tape()
const copy = new AlignedCopy()
const kinds = [frameKinds.commands, frameKinds.epoch] as const

/** A record for the order stream; of no commands, a tick. Throws RangeError on what the format cannot carry. */
export const encodeOrdersFrame = (lane: number, commands: readonly Command[]): Uint8Array => {
  tape.clear()
  tape.add(0, frameHeaderWords)
  for (const command of commands) writeCommand(tape, command)
  const frame = new Uint8Array(tape.bytes())
  sealFrame(frame, { kind: frameKinds.commands, count: commands.length, lane, epoch: 0, firstOutSeq: 0 })
  return frame
}

const malformed = { ok: false, reason: 'malformed-message' } as const

/** The record by which a leader says that it has begun. Throws RangeError on an epoch that is none: they begin at 1. */
export const encodeEpochFrame = (lane: number, epoch: number): Uint8Array => {
  if (epoch === 0) throw new RangeError('epoch 0 is nobody’s')
  const frame = new Uint8Array(frameHeaderBytes)
  sealFrame(frame, { kind: frameKinds.epoch, count: 0, lane, epoch, firstOutSeq: 0 })
  return frame
}

/**
 * All of a record's commands as they lie, every one found well-formed for an engine of that version, or why it is poison
 * as a whole. Never throws.
 */
export const openOrdersFrame = (bytes: Uint8Array, lane: number, engineVersion: number): OpenedOrdersFrame => {
  try {
    const { header, words } = openFrame(bytes, copy, kinds, lane)
    const { kind, epoch, count, firstOutSeq } = header
    if (firstOutSeq !== 0 || (kind === frameKinds.epoch) !== (epoch !== 0)) return malformed
    if (kind === frameKinds.epoch)
      return count === 0 && bytes.length === frameHeaderBytes ? { ok: true, kind: 'epoch', epoch } : malformed
    const end = bytes.length >>> 2
    let at = frameHeaderWords
    for (let i = 0; i < count; i += 1) {
      const reason = faultOf(words, at, end, engineVersion)
      if (reason !== undefined) return { ok: false, reason }
      at += wordsOf(words[at] as number)
    }
    if (at * 4 !== bytes.length) return malformed
    return { ok: true, kind: 'commands', words, from: frameHeaderWords, count }
  } catch (error) {
    if (error instanceof InvalidFrame) return { ok: false, reason: error.reason }
    throw error
  }
}

/** The same as objects; for the newest engine unless told. */
export const decodeOrdersFrame = (
  bytes: Uint8Array,
  lane: number,
  engineVersion: number = newestEngineVersion,
): OrdersFrame => {
  const opened = openOrdersFrame(bytes, lane, engineVersion)
  if (!opened.ok || opened.kind === 'epoch') return opened
  const { words, from, count } = opened
  const commands: Command[] = []
  for (let at = from; commands.length < count; at += wordsOf(words[at] as number)) commands.push(readCommand(words, at))
  return { ok: true, kind: 'commands', commands }
}
