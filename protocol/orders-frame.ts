import { faultOf, readCommand, writeCommand } from '#domain/trading/command-messages.ts'
import type { Command } from '#domain/trading/commands.ts'
import type { PoisonReason } from '#domain/trading/events.ts'
import { wordsOf } from '#domain/trading/messages.ts'
import { Tape } from '#domain/trading/tape.ts'
import { AlignedCopy, frameHeaderWords, frameKinds, InvalidFrame, openFrame, sealFrame } from './frames.ts'

export type OrdersFrame =
  | { readonly ok: true; readonly commands: readonly Command[] }
  | { readonly ok: false; readonly reason: PoisonReason }

export type OpenedOrdersFrame =
  | {
      readonly ok: true
      /** In one buffer for all frames: valid until the next one is opened. */
      readonly words: Int32Array
      /** Where the first message lies; the others follow, each as long as its header says. */
      readonly from: number
      readonly count: number
    }
  | { readonly ok: false; readonly reason: PoisonReason }

const tape = new Tape()
const copy = new AlignedCopy()

/** A record for the order stream; of no commands, a tick. Throws RangeError on what the format cannot carry. */
export const encodeOrdersFrame = (lane: number, commands: readonly Command[]): Uint8Array => {
  tape.clear()
  tape.add(0, frameHeaderWords)
  for (const command of commands) writeCommand(tape, command)
  const frame = new Uint8Array(tape.bytes())
  sealFrame(frame, { kind: frameKinds.commands, count: commands.length, lane, epoch: 0, firstOutSeq: 0 })
  return frame
}

/** All of a record's commands as they lie, every one found well-formed, or why it is poison as a whole. Never throws. */
export const openOrdersFrame = (bytes: Uint8Array, lane: number): OpenedOrdersFrame => {
  try {
    const { header, words } = openFrame(bytes, copy, frameKinds.commands, lane)
    if (header.epoch !== 0 || header.firstOutSeq !== 0) return { ok: false, reason: 'malformed-message' }
    const end = bytes.length >>> 2
    let at = frameHeaderWords
    for (let i = 0; i < header.count; i += 1) {
      const reason = faultOf(words, at, end)
      if (reason !== undefined) return { ok: false, reason }
      at += wordsOf(words[at] as number)
    }
    if (at * 4 !== bytes.length) return { ok: false, reason: 'malformed-message' }
    return { ok: true, words, from: frameHeaderWords, count: header.count }
  } catch (error) {
    if (error instanceof InvalidFrame) return { ok: false, reason: error.reason }
    throw error
  }
}

/** The same as objects. */
export const decodeOrdersFrame = (bytes: Uint8Array, lane: number): OrdersFrame => {
  const opened = openOrdersFrame(bytes, lane)
  if (!opened.ok) return opened
  const { words, from, count } = opened
  const commands: Command[] = []
  for (let at = from; commands.length < count; at += wordsOf(words[at] as number)) commands.push(readCommand(words, at))
  return { ok: true, commands }
}
