import { wordsOf } from '#domain/trading/messages.ts'
import type { Tape } from '#domain/trading/tape.ts'
import { sectionOf } from '#protocol/executions-frame.ts'

export interface ChainedSection {
  /** As it lies in a frame, its header included. */
  readonly bytes: Uint8Array
  readonly chain: string
  /** Events in it. */
  readonly count: number
}

/**
 * Where the events of one input record are cut into sections is part of the chain, so it depends on the events alone,
 * never on how they are gathered into frames. Changing this bound is a new version of the engine.
 */
const maxSectionBytes = 128 * 1024

/** The events of one input record, chained; none for a record that says nothing. */
export const sectionsOf = (
  previousChain: string,
  inputSequence: string,
  atMillis: number,
  told: Tape,
): readonly ChainedSection[] => {
  const sections: ChainedSection[] = []
  let chain = previousChain
  for (const { firstIndex, count, events } of partsOf(told)) {
    const section = sectionOf({ inputSequence, atMillis, firstIndex, count, events, previousChain: chain })
    chain = section.chain
    sections.push({ ...section, count })
  }
  return sections
}

interface Part {
  readonly firstIndex: number
  readonly count: number
  readonly events: Uint8Array
}

const partsOf = (told: Tape): readonly Part[] => {
  if (told.count === 0) return []
  const bytes = told.bytes()
  if (bytes.length <= maxSectionBytes) return [{ firstIndex: 0, count: told.count, events: bytes }]
  const parts: Part[] = []
  let firstIndex = 0
  let from = 0
  let index = 0
  for (let at = 0; at < told.length; index += 1) {
    const next = at + wordsOf(told.words[at] as number)
    if (at > from && (next - from) * 4 > maxSectionBytes) {
      parts.push({ firstIndex, count: index - firstIndex, events: bytes.subarray(from * 4, at * 4) })
      firstIndex = index
      from = at
    }
    at = next
  }
  parts.push({ firstIndex, count: index - firstIndex, events: bytes.subarray(from * 4) })
  return parts
}
