import { hash } from 'node:crypto'
import { paddedSequence, type StreamRecord } from '#adapters/streams/reader.ts'
import type { FramePoisoned, PoisonReason } from '#domain/trading/events.ts'
import { openOrdersFrame } from '#protocol/orders-frame.ts'

/** A record of the order stream as the lane takes it: commands (none: a tick), or why it cannot be read. */
export interface Input {
  /** 56 digits. */
  readonly sequence: string
  readonly arrivalMillis: number
  readonly content:
    | {
        readonly kind: 'commands'
        /** Messages, the first at `from`: valid until the next record is adapted. */
        readonly words: Int32Array
        readonly from: number
        readonly count: number
      }
    | { readonly kind: 'epoch'; readonly epoch: number }
    | { readonly kind: 'poison'; readonly event: FramePoisoned; readonly bytes: Uint8Array }
}

/** A record that is not applied, by its bytes. */
export const poisonOf = (reason: PoisonReason, bytes: Uint8Array): Extract<Input['content'], { kind: 'poison' }> => ({
  kind: 'poison',
  event: {
    type: 'frame-poisoned',
    reason,
    bytes: bytes.length,
    sha256: hash('sha256', bytes, 'hex'),
  },
  bytes,
})

/** As an engine of that version reads it. */
export const adaptRecord = (record: StreamRecord, lane: number, engineVersion: number): Input => {
  const { sequenceNumber, arrivalMillis, data } = record
  const frame = openOrdersFrame(data, lane, engineVersion)
  return {
    sequence: paddedSequence(sequenceNumber),
    arrivalMillis,
    content: frame.ok ? frame : poisonOf(frame.reason, data),
  }
}
