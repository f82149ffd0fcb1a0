import { createHash } from 'node:crypto'
import { paddedSequence, type StreamRecord } from '#adapters/streams/reader.ts'
import type { Command } from '#domain/trading/commands.ts'
import type { FramePoisoned } from '#domain/trading/events.ts'
import { decodeOrdersFrame } from '#protocol/orders-frame.ts'

/** A record of the order stream as the lane takes it: commands (none: a tick), or why it cannot be read. */
export interface Input {
  /** 56 digits. */
  readonly sequence: string
  readonly arrivalMillis: number
  readonly content:
    | { readonly kind: 'commands'; readonly commands: readonly Command[] }
    | { readonly kind: 'poison'; readonly event: FramePoisoned; readonly bytes: Uint8Array }
}

export const adaptRecord = (record: StreamRecord, lane: number): Input => {
  const { sequenceNumber, arrivalMillis, data } = record
  const frame = decodeOrdersFrame(data, lane)
  return {
    sequence: paddedSequence(sequenceNumber),
    arrivalMillis,
    content: frame.ok
      ? { kind: 'commands', commands: frame.commands }
      : {
          kind: 'poison',
          event: {
            type: 'frame-poisoned',
            reason: frame.reason,
            bytes: data.length,
            sha256: createHash('sha256').update(data).digest('hex'),
          },
          bytes: data,
        },
  }
}
