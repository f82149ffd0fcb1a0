import type { Event } from '#domain/trading/events.ts'
import { chainOf, encodeEvents, type Section, sectionHeaderBytes } from '#protocol/executions-frame.ts'

export interface SizedSection {
  readonly section: Section
  /** In a frame, its header included. */
  readonly bytes: number
}

/**
 * Where the events of one input record are cut into sections is part of the chain, so it depends on the events alone,
 * never on how they are gathered into frames. Changing these bounds is a new version of the engine.
 */
const maxSectionBytes = 128 * 1024
const maxSectionEvents = 65_535

/** The events of one input record, chained; none for a record that says nothing. */
export const sectionsOf = (
  previousChain: string,
  inputSequence: string,
  atMillis: number,
  events: readonly Event[],
): readonly SizedSection[] => {
  const sections: SizedSection[] = []
  let chain = previousChain
  for (const { firstIndex, part, bytes } of partsOf(events)) {
    const unchained = { inputSequence, atMillis, firstIndex, events: part }
    chain = chainOf(chain, unchained)
    sections.push({ section: { ...unchained, chain }, bytes: bytes + sectionHeaderBytes })
  }
  return sections
}

interface Part {
  readonly firstIndex: number
  readonly part: readonly Event[]
  readonly bytes: number
}

const partsOf = (events: readonly Event[]): readonly Part[] => {
  if (events.length === 0) return []
  const allBytes = encodeEvents(events).length
  if (allBytes <= maxSectionBytes && events.length <= maxSectionEvents)
    return [{ firstIndex: 0, part: events, bytes: allBytes }]
  const parts: Part[] = []
  let firstIndex = 0
  let bytes = 0
  for (const [index, event] of events.entries()) {
    const eventBytes = encodeEvents([event]).length
    if (bytes > 0 && (bytes + eventBytes > maxSectionBytes || index - firstIndex >= maxSectionEvents)) {
      parts.push({ firstIndex, part: events.slice(firstIndex, index), bytes })
      firstIndex = index
      bytes = 0
    }
    bytes += eventBytes
  }
  parts.push({ firstIndex, part: events.slice(firstIndex), bytes })
  return parts
}
