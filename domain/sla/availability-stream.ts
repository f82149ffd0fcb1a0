import {
  endOfReading,
  inOrder,
  isSameWindow,
  minuteOf,
  minutesBetween,
  mostHoldsSeconds,
  type Reading,
  readingFate,
  readingsSpan,
  type SlaWindow,
  type Span,
  watermarkMillis,
  windowMillis,
  windowsBetween,
} from './readings.ts'

/** A later version takes the place of an earlier one. */
export interface WindowRecord extends SlaWindow {
  readonly version: number
}

/** What a reading or the passing of time has changed. */
export interface ChangedWindow {
  readonly window: WindowRecord
  readonly before: WindowRecord | undefined
}

/**
 * The windows of a contract as readings come in, in whatever order and however often. Windows are closed by the watermark;
 * what comes after it makes the next version of those that it changes. The records hold, whatever the order, what
 * windowsBetween makes of all readings at once; their versions tell the order.
 */
export const openAvailabilityStream = (quantity: number, { fromMillis, toMillis }: Span) => {
  const readings: Reading[] = []
  const records = new Map<number, WindowRecord>()
  let closedMillis = fromMillis

  /** Where the first reading that does not come before stands. */
  const placeOf = (reading: Pick<Reading, 'atMillis' | 'probe'>): number => {
    let [low, high] = [0, readings.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const there = readings[middle]
      if (there !== undefined && inOrder(there, reading) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Until when it may change anything: it takes the place of what the probe had said of that time. */
  const reachOf = (reading: Reading, known: Reading | undefined): number => {
    let reach = Math.max(endOfReading(reading), known === undefined ? 0 : endOfReading(known))
    const earliest = placeOf({ atMillis: reading.atMillis - mostHoldsSeconds * 1_000, probe: '' })
    for (let at = placeOf(reading) - 1; at >= earliest; at--) {
      const before = readings[at]
      if (before?.probe === reading.probe) reach = Math.max(reach, endOfReading(before))
    }
    return reach
  }

  const computed = (span: Span): readonly SlaWindow[] => {
    const reach = readingsSpan(span)
    const [first, last] = [reach.fromMillis, reach.toMillis].map(atMillis => placeOf({ atMillis, probe: '' }))
    return windowsBetween(readings.slice(first, last), quantity, span)
  }

  const record = (span: Span): readonly ChangedWindow[] =>
    computed(span).flatMap(window => {
      const before = records.get(window.startMillis)
      if (before !== undefined && isSameWindow(window, before)) return []
      const now = { ...window, version: (before?.version ?? 0) + 1 }
      records.set(window.startMillis, now)
      return [{ window: now, before }]
    })

  return {
    take(reading: Reading): {
      readonly fate: ReturnType<typeof readingFate>
      readonly changed: readonly ChangedWindow[]
    } {
      const place = placeOf(reading)
      const there = readings[place]
      const known = there !== undefined && inOrder(there, reading) === 0 ? there : undefined
      const fate = readingFate(reading, known)
      if (fate !== 'taken') return { fate, changed: [] }
      readings.splice(place, known === undefined ? 0 : 1, reading)
      const touched = minutesBetween(reading.atMillis, reachOf(reading, known))
      const span = {
        fromMillis: Math.max(touched.fromMillis, fromMillis),
        toMillis: Math.min(touched.toMillis, closedMillis),
      }
      return { fate, changed: span.fromMillis < span.toMillis ? record(span) : [] }
    },
    /** The clock, or the newest event time that was heard of. */
    advance(nowMillis: number): readonly ChangedWindow[] {
      const until = Math.min(toMillis, minuteOf(nowMillis - watermarkMillis))
      if (until <= closedMillis) return []
      const span = { fromMillis: closedMillis, toMillis: until }
      closedMillis = until
      return record(span)
    },
    closedMillis: (): number => closedMillis,
    /** In order of time. */
    records: (): readonly WindowRecord[] => {
      const all: WindowRecord[] = []
      for (let at = fromMillis; at < closedMillis; at += windowMillis) {
        const found = records.get(at)
        if (found !== undefined) all.push(found)
      }
      return all
    },
  }
}
