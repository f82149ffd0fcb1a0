import { crc32 } from 'node:zlib'
import type { PoisonReason } from '#domain/trading/events.ts'
import { isSafeLong } from '#domain/trading/fields.ts'
import { longAt, putLong } from '#domain/trading/tape.ts'

/** The header that both streams' records begin with: docs/protocol/orders.md. */
export const frameHeaderBytes = 32
export const frameHeaderWords = frameHeaderBytes / 4
export const frameKinds = { commands: 1, events: 2, epoch: 3 } as const

const magic = 0x31_46_58_43
const frameVersion = 2
const checksumAt = 16

export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds]

export interface FrameHeader {
  readonly kind: FrameKind
  /** Commands or sections in the payload. */
  readonly count: number
  readonly lane: number
  readonly epoch: number
  readonly firstOutSeq: number
}

export class InvalidFrame extends Error {
  readonly reason: PoisonReason
  constructor(reason: PoisonReason, detail: string, options?: ErrorOptions) {
    super(`${reason}: ${detail}`, options)
    this.name = 'InvalidFrame'
    this.reason = reason
  }
}

const bounded = (value: number, most: number, what: string): number => {
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw new RangeError(`${what} must be an integer from 0 to ${most}, not ${value}`)
  return value
}

/** Writes the header of a frame whose payload lies in it already. Throws RangeError on what it cannot hold. */
export const sealFrame = (frame: Uint8Array<ArrayBuffer>, header: FrameHeader): void => {
  const words = new Int32Array(frame.buffer, frame.byteOffset, frameHeaderWords)
  words[0] = magic
  words[1] = (header.kind << 16) | frameVersion
  words[2] = frame.length - frameHeaderBytes
  const count = bounded(header.count, 65_535, 'the count of a frame')
  words[3] = (bounded(header.lane, 65_535, 'a lane') << 16) | count
  words[5] = bounded(header.epoch, 4_294_967_295, 'an epoch')
  putLong(words, 6, bounded(header.firstOutSeq, Number.MAX_SAFE_INTEGER, 'firstOutSeq'))
  words[4] = checksum(frame)
}

const checksum = (frame: Uint8Array): number =>
  crc32(frame.subarray(checksumAt + 4), crc32(frame.subarray(0, checksumAt)))

/** Words of a frame, wherever its bytes lie: in one buffer for all, so that the next frame takes the place of this. */
export class AlignedCopy {
  words = new Int32Array(1 << 14)

  of(bytes: Uint8Array): Int32Array {
    if (bytes.length > this.words.length * 4)
      this.words = new Int32Array(Math.max(Math.ceil(bytes.length / 4), this.words.length * 2))
    new Uint8Array(this.words.buffer).set(bytes)
    return this.words
  }
}

/**
 * The header, and the whole frame as words, checked from the cheapest to the dearest. Throws InvalidFrame.
 * A lane of undefined takes any; a frame has to be of one of the kinds.
 */
export const openFrame = (
  bytes: Uint8Array,
  copy: AlignedCopy,
  kinds: readonly FrameKind[],
  lane?: number,
): { readonly header: FrameHeader; readonly words: Int32Array } => {
  if (bytes.length < frameHeaderBytes) throw new InvalidFrame('too-short', `${bytes.length} bytes`)
  const words = copy.of(bytes)
  const word = (index: number): number => words[index] as number
  const versions = word(1)
  const counts = word(3)
  if (word(0) !== magic) throw new InvalidFrame('not-a-frame', 'no magic')
  if ((versions & 0xff00_ffff) !== frameVersion)
    throw new InvalidFrame('unknown-version', `version ${versions & 0xffff}, flags ${versions >>> 24}`)
  const actualKind = (versions >>> 16) & 255
  const kind = kinds.find(known => known === actualKind)
  if (kind === undefined) throw new InvalidFrame('wrong-kind', `kind ${actualKind}`)
  const actualLane = counts >>> 16
  if (lane !== undefined && actualLane !== lane) throw new InvalidFrame('wrong-lane', `lane ${actualLane}`)
  if (word(2) !== bytes.length - frameHeaderBytes)
    throw new InvalidFrame('wrong-length', `${word(2) >>> 0} bytes of payload announced`)
  if (word(4) >>> 0 !== checksum(bytes)) throw new InvalidFrame('wrong-checksum', 'the frame is damaged')
  const firstOutSeq = longAt(words, 6)
  if (!isSafeLong(words, 6) || firstOutSeq < 0) throw new InvalidFrame('malformed-message', 'firstOutSeq is unsafe')
  return { header: { kind, count: counts & 0xffff, lane: actualLane, epoch: word(5) >>> 0, firstOutSeq }, words }
}
