import { hash } from 'node:crypto'
import { isEventHeader, readEvent, writeEvent } from '#domain/trading/event-messages.ts'
import type { Event } from '#domain/trading/events.ts'
import { isSafeLong } from '#domain/trading/fields.ts'
import { hexAt } from '#domain/trading/identifiers.ts'
import { wordsOf } from '#domain/trading/messages.ts'
import { longAt, putLong, Tape } from '#domain/trading/tape.ts'
import {
  AlignedCopy,
  frameHeaderBytes,
  frameHeaderWords,
  frameKinds,
  InvalidFrame,
  openFrame,
  sealFrame,
} from './frames.ts'

/** The events of one input record, or a part of them where they do not fit one frame. */
export interface Section {
  /** 56 digits, zero padded, so that it sorts as text. */
  readonly inputSequence: string
  readonly atMillis: number
  /** 32 hex digits. */
  readonly chain: string
  readonly firstIndex: number
  readonly events: readonly Event[]
}

export interface ExecutionsFrame {
  readonly lane: number
  readonly epoch: number
  readonly firstOutSeq: number
  readonly sections: readonly Section[]
}

/** A section whose events are bytes already, as they lie in it. */
interface SectionOfBytes extends Omit<Section, 'chain' | 'events'> {
  readonly count: number
  readonly events: Uint8Array
}

export const sectionHeaderBytes = 64
const sequenceDigits = 56
const sequenceBytes = 24
const atMillisWord = 6
const chainAt = 32
const chainBytes = 16
const sectionBytesWord = 12
const firstIndexWord = 13
const countWord = 14
const zeroWord = 15

/** The chain before the first section of a lane. */
export const firstChain = '0'.repeat(chainBytes * 2)

const copy = new AlignedCopy()
const kinds = [frameKinds.events] as const
const chainedHeaderBytes = chainBytes + chainAt + 4
/** What is hashed of a section lies here one after the other: one call costs a third of what a hash object does. */
let chained = Buffer.alloc(chainedHeaderBytes + (1 << 14))
const tape = new Tape()

/** A finished section, and the chain that links it to all before it. Throws RangeError on what the format cannot carry. */
export const sectionOf = (
  section: SectionOfBytes & { readonly previousChain: string },
): { readonly bytes: Uint8Array; readonly chain: string } => {
  if (!chainPattern.test(section.previousChain)) throw new RangeError(`no chain: ${section.previousChain}`)
  const bytes = unchainedSection(section)
  const length = chainedHeaderBytes + section.events.length
  if (chained.length < length) chained = Buffer.alloc(length * 2)
  chained.write(section.previousChain, 'hex')
  chained.set(bytes.subarray(0, chainAt), chainBytes)
  chained.set(bytes.subarray(firstIndexWord * 4, countWord * 4), chainBytes + chainAt)
  chained.set(section.events, chainedHeaderBytes)
  const chain = hash('sha256', chained.subarray(0, length), 'hex').slice(0, chainBytes * 2)
  chained.write(chain, 'hex')
  bytes.set(chained.subarray(0, chainBytes), chainAt)
  return { bytes, chain }
}

/** A record for the execution stream, of sections as they are made by `sectionOf`. */
export const executionsFrameOf = (
  frame: Omit<ExecutionsFrame, 'sections'> & { readonly sections: readonly Uint8Array[] },
): Uint8Array => {
  const { lane, epoch, firstOutSeq, sections } = frame
  let length = frameHeaderBytes
  for (const section of sections) length += section.length
  const bytes = new Uint8Array(length)
  let at = frameHeaderBytes
  for (const section of sections) {
    bytes.set(section, at)
    at += section.length
  }
  sealFrame(bytes, { kind: frameKinds.events, count: sections.length, lane, epoch, firstOutSeq })
  return bytes
}

/** The same of objects, whose chains are taken as they are. */
export const encodeExecutionsFrame = (frame: ExecutionsFrame): Uint8Array =>
  executionsFrameOf({
    ...frame,
    sections: frame.sections.map(section => {
      const bytes = unchainedSection({ ...section, ...bytesOf(section.events) })
      if (!chainPattern.test(section.chain)) throw new RangeError(`no chain: ${section.chain}`)
      bytes.set(Buffer.from(section.chain, 'hex'), chainAt)
      return bytes
    }),
  })

/** Throws InvalidFrame with the reason: a reader of executions has no use for half a frame. */
export const decodeExecutionsFrame = (bytes: Uint8Array): ExecutionsFrame => {
  const { header, words } = openFrame(bytes, copy, kinds)
  const end = bytes.length >>> 2
  const sections: Section[] = []
  let at = frameHeaderWords
  for (let i = 0; i < header.count; i += 1) {
    const { section, next } = readSection(words, at, end)
    sections.push(section)
    at = next
  }
  if (at * 4 !== bytes.length) throw malformed('bytes follow the last section')
  return { lane: header.lane, epoch: header.epoch, firstOutSeq: header.firstOutSeq, sections }
}

/** Events as they lie in a section. */
export const encodeEvents = (events: readonly Event[]): Uint8Array => bytesOf(events).events

/** Links a section to all before it: two histories with the same last chain are the same history. */
export const chainOf = (previousChain: string, section: Omit<Section, 'chain'>): string =>
  sectionOf({ ...section, ...bytesOf(section.events), previousChain }).chain

/** The same whoever publishes the event and however it is framed. */
export const eventId = (lane: number, inputSequence: string, index: number): string =>
  `${lane}:${inputSequence}:${index}`

const bytesOf = (events: readonly Event[]): { readonly events: Uint8Array; readonly count: number } => {
  tape.clear()
  for (const event of events) writeEvent(tape, event)
  return { events: new Uint8Array(tape.bytes()), count: events.length }
}

const chainPattern = /^[0-9a-f]{32}$/
const sequencePattern = /^\d{56}$/
const maxU32 = 4_294_967_295

const unchainedSection = (section: SectionOfBytes): Uint8Array => {
  const { inputSequence, atMillis, firstIndex, count, events } = section
  if (!sequencePattern.test(inputSequence))
    throw new RangeError(`not a sequence number of ${sequenceDigits} digits: ${inputSequence}`)
  if (!Number.isSafeInteger(atMillis)) throw new RangeError(`no time: ${atMillis}`)
  for (const number of [firstIndex, count])
    if (!Number.isInteger(number) || number < 0 || number > maxU32) throw new RangeError(`no u32: ${number}`)
  const bytes = new Uint8Array(sectionHeaderBytes + events.length)
  putSequence(bytes, inputSequence)
  const words = new Int32Array(bytes.buffer, 0, sectionHeaderBytes / 4)
  putLong(words, atMillisWord, atMillis)
  words[sectionBytesWord] = events.length
  words[firstIndexWord] = firstIndex
  words[countWord] = count
  bytes.set(events, sectionHeaderBytes)
  return bytes
}

/** Sequence numbers on their way between digits and bytes: in parts that numbers hold exactly, where BigInt costs more. */
const limbBytes = 3
const limbs = new Int32Array(sequenceBytes / limbBytes)
const limbSize = 2 ** (limbBytes * 8)
const digitsAtOnce = 7
const chunkSize = 10 ** digitsAtOnce
const sequenceCodes: number[] = new Array(sequenceDigits).fill(48)

/** As an integer of 24 bytes, highest first, at their beginning. */
const putSequence = (bytes: Uint8Array, text: string): void => {
  limbs.fill(0)
  for (let digit = 0; digit < sequenceDigits; digit += digitsAtOnce) {
    let carry = 0
    for (let i = digit; i < digit + digitsAtOnce; i += 1) carry = carry * 10 + text.charCodeAt(i) - 48
    for (let limb = limbs.length - 1; limb >= 0; limb -= 1) {
      const value = (limbs[limb] as number) * chunkSize + carry
      carry = Math.floor(value / limbSize)
      limbs[limb] = value - carry * limbSize
    }
  }
  for (let limb = 0; limb < limbs.length; limb += 1) {
    const value = limbs[limb] as number
    bytes[limb * limbBytes] = value >>> 16
    bytes[limb * limbBytes + 1] = value >>> 8
    bytes[limb * limbBytes + 2] = value
  }
}

/** Undefined where it has more digits than a sequence number. */
const sequenceAt = (words: Int32Array, at: number): string | undefined => {
  const byteOf = (byte: number): number => ((words[at + (byte >>> 2)] as number) >>> ((byte & 3) << 3)) & 255
  for (let limb = 0; limb < limbs.length; limb += 1) {
    const byte = limb * limbBytes
    limbs[limb] = (byteOf(byte) << 16) | (byteOf(byte + 1) << 8) | byteOf(byte + 2)
  }
  for (let digit = sequenceDigits - 1; digit >= 0; digit -= digitsAtOnce) {
    let rest = 0
    for (let limb = 0; limb < limbs.length; limb += 1) {
      const value = rest * limbSize + (limbs[limb] as number)
      const quotient = Math.floor(value / chunkSize)
      limbs[limb] = quotient
      rest = value - quotient * chunkSize
    }
    for (let i = digit; i > digit - digitsAtOnce; i -= 1) {
      sequenceCodes[i] = 48 + (rest % 10)
      rest = Math.floor(rest / 10)
    }
  }
  return limbs.every(limb => limb === 0) ? String.fromCharCode.apply(undefined, sequenceCodes) : undefined
}

const readSection = (
  words: Int32Array,
  at: number,
  frameEnd: number,
): { readonly section: Section; readonly next: number } => {
  const from = at + sectionHeaderBytes / 4
  if (from > frameEnd) throw malformed('a section does not fit its frame')
  const u32 = (word: number): number => (words[at + word] as number) >>> 0
  const inputSequence = sequenceAt(words, at)
  if (inputSequence === undefined) throw malformed('a sequence number has too many digits')
  if (!isSafeLong(words, at + atMillisWord)) throw malformed('the time is unsafe')
  if (u32(zeroWord) !== 0) throw malformed('padding is not zero')
  const sectionBytes = u32(sectionBytesWord)
  const end = from + sectionBytes / 4
  if (sectionBytes % 8 !== 0 || end > frameEnd) throw malformed('a section does not fit its frame')
  return {
    section: {
      inputSequence,
      atMillis: longAt(words, at + atMillisWord),
      chain: hexAt(words, at + chainAt / 4, chainBytes),
      firstIndex: u32(firstIndexWord),
      events: readEvents(words, from, end, u32(countWord)),
    },
    next: end,
  }
}

const readEvents = (words: Int32Array, from: number, end: number, count: number): readonly Event[] => {
  const events: Event[] = []
  let at = from
  while (events.length < count) {
    if (at >= end) throw malformed('an event does not fit its section')
    const header = words[at] as number
    if (!isEventHeader(header)) throw new InvalidFrame('unknown-message', `an event of header ${header >>> 0}`)
    const next = at + wordsOf(header)
    if ((header & 7) !== 0 || next > end) throw malformed('an event does not fit its section')
    events.push(eventAt(words, at))
    at = next
  }
  if (at !== end) throw malformed('bytes follow the last event of a section')
  return events
}

const eventAt = (words: Int32Array, at: number): Event => {
  try {
    return readEvent(words, at)
  } catch (error) {
    if (error instanceof RangeError) throw malformed(error.message, { cause: error })
    throw error
  }
}

const malformed = (detail: string, options?: ErrorOptions): InvalidFrame =>
  new InvalidFrame('malformed-message', detail, options)
