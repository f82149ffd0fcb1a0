/** The execution stream as it was written, republished frames, stale leaders and all. */
import {
  chainOf,
  decodeExecutionsFrame,
  firstChain,
  type Section,
  sectionHeaderBytes,
} from '#protocol/executions-frame.ts'
import { frameHeaderBytes } from '#protocol/frames.ts'
import type { StreamedRecord } from './evidence.ts'

/** Events of one input record that were published together. */
export interface PublishedSection extends Section {
  readonly firstOutSeq: number
  /** As it lies in its frame. */
  readonly bytes: Buffer
}

/** Where a section says how many bytes of events follow its header. */
const sectionBytesAt = 48

export interface Published {
  /** Each once, in the order of their numbers. */
  readonly sections: readonly PublishedSection[]
  readonly outSeq: number
  /** Events that lie in the stream more than once. */
  readonly repeatedEvents: number
  readonly violations: readonly string[]
}

/** One event id, one byte string; dense numbers; an unbroken chain; epochs of leaders that began. */
export const readPublished = (lane: number, records: readonly StreamedRecord[]): Published => {
  const sections = new Map<string, PublishedSection>()
  const violations: string[] = []
  let repeatedEvents = 0
  for (const { sequence, data } of records) {
    try {
      const frame = decodeExecutionsFrame(data)
      if (frame.lane !== lane) violations.push(`frame ${sequence} is of lane ${frame.lane}`)
      let firstOutSeq = frame.firstOutSeq
      let at = frameHeaderBytes
      for (const section of frame.sections) {
        const length = sectionHeaderBytes + Buffer.from(data.subarray(at)).readUInt32LE(sectionBytesAt)
        const bytes = Buffer.from(data.subarray(at, at + length))
        at += length
        const id = `${section.inputSequence}:${section.firstIndex}`
        const before = sections.get(id)
        if (before === undefined) sections.set(id, { ...section, firstOutSeq, bytes })
        else {
          repeatedEvents += section.events.length
          if (!before.bytes.equals(bytes)) violations.push(`the events ${id} were published with different bytes`)
          if (before.firstOutSeq !== firstOutSeq)
            violations.push(`the events ${id} were published as number ${before.firstOutSeq} and as ${firstOutSeq}`)
        }
        firstOutSeq += section.events.length
      }
    } catch (error) {
      violations.push(`frame ${sequence} cannot be read: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  const inOrder = [...sections.values()].sort((a, b) => a.firstOutSeq - b.firstOutSeq)
  let [outSeq, chain, lastInput] = [0, firstChain, '']
  for (const section of inOrder) {
    const { firstOutSeq, inputSequence, events } = section
    if (firstOutSeq > outSeq + 1) violations.push(`events ${outSeq + 1} to ${firstOutSeq - 1} were never published`)
    if (firstOutSeq <= outSeq) violations.push(`number ${firstOutSeq} was given to two events`)
    if (inputSequence < lastInput) violations.push(`the events of ${inputSequence} come after those of ${lastInput}`)
    if (section.chain !== chainOf(chain, section)) violations.push(`the chain breaks at event ${firstOutSeq}`)
    chain = section.chain
    outSeq = firstOutSeq + events.length - 1
    lastInput = inputSequence
  }
  return { sections: inOrder, outSeq, repeatedEvents, violations }
}
