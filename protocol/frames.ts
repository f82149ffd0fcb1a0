import { crc32 } from 'node:zlib'
import { InvalidFrame, WireReader, type WireWriter } from './wire.ts'

/** The header that both streams' records begin with: docs/protocol/orders.md. */
export const frameHeaderBytes = 32
export const frameKinds = { commands: 1, events: 2 } as const
export const maxFrameCount = 65_535

const magic = 0x31_46_58_43
const frameVersion = 1
const checksumAt = 16

export interface FrameHeader {
  readonly kind: (typeof frameKinds)[keyof typeof frameKinds]
  /** Commands or sections in the payload. */
  readonly count: number
  readonly lane: number
  readonly epoch: number
  readonly firstOutSeq: number
}

/** Begins a frame in an empty writer; `sealFrame` completes it once the payload is written. */
export const beginFrame = (writer: WireWriter, header: FrameHeader): void => {
  writer.length = 0
  writer.u32(magic)
  writer.u16(frameVersion)
  writer.u8(header.kind)
  writer.u8(0)
  writer.u32(0)
  writer.u16(header.count)
  writer.u16(header.lane)
  writer.u32(0)
  writer.u32(header.epoch)
  writer.u64(header.firstOutSeq)
}

/** The finished frame, in a buffer of its own. */
export const sealFrame = (writer: WireWriter): Uint8Array => {
  writer.setU32(8, writer.length - frameHeaderBytes)
  writer.setU32(checksumAt, checksum(writer.written()))
  return writer.written().slice()
}

const checksum = (frame: Uint8Array): number =>
  crc32(frame.subarray(checksumAt + 4), crc32(frame.subarray(0, checksumAt)))

/**
 * The header and a reader of the payload, checked from the cheapest to the dearest. Throws InvalidFrame.
 * A lane of undefined takes any.
 */
export const openFrame = (
  bytes: Uint8Array,
  kind: FrameHeader['kind'],
  lane?: number,
): { readonly header: FrameHeader; readonly payload: WireReader } => {
  if (bytes.length < frameHeaderBytes) throw new InvalidFrame('too-short', `${bytes.length} bytes`)
  const reader = new WireReader(bytes, 0, bytes.length)
  if (reader.u32() !== magic) throw new InvalidFrame('not-a-frame', 'no magic')
  const version = reader.u16()
  if (version !== frameVersion) throw new InvalidFrame('unknown-version', `version ${version}`)
  const actualKind = reader.u8()
  if (actualKind !== kind) throw new InvalidFrame('wrong-kind', `kind ${actualKind}`)
  const flags = reader.u8()
  if (flags !== 0) throw new InvalidFrame('unknown-version', `flags ${flags}`)
  const payloadBytes = reader.u32()
  const count = reader.u16()
  const actualLane = reader.u16()
  if (lane !== undefined && actualLane !== lane) throw new InvalidFrame('wrong-lane', `lane ${actualLane}`)
  if (payloadBytes !== bytes.length - frameHeaderBytes)
    throw new InvalidFrame('wrong-length', `${payloadBytes} bytes of payload announced`)
  if (reader.u32() !== checksum(bytes)) throw new InvalidFrame('wrong-checksum', 'the frame is damaged')
  const epoch = reader.u32()
  const firstOutSeq = reader.u64()
  return { header: { kind, count, lane: actualLane, epoch, firstOutSeq }, payload: reader }
}

/** Nothing may follow the last message. */
export const closeFrame = (payload: WireReader): void => {
  if (payload.at !== payload.end) throw new InvalidFrame('malformed-message', 'bytes follow the last message')
}
