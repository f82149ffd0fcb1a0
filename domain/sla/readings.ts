/** What a probe, or a provider's own metrics, says of a series at an instant, and for how long it is taken to hold. */
export interface Reading {
  readonly probe: string
  /** Event time, whole seconds; with the probe it names the reading. */
  readonly atMillis: number
  /** Until the same probe speaks again, and no longer: after that it says nothing. */
  readonly holdsSeconds: number
  readonly availableUnits: number
  /** Beside the available ones. */
  readonly degradedUnits: number
  /** Of single requests, measured since the probe spoke last. */
  readonly latencyNanos: readonly number[]
  /** Of two with one name the higher one counts, whichever comes first. */
  readonly revision: number
}

const { floor, min } = Math

export const windowMillis = 60_000
/** How far behind the clock a window is closed: what comes later is a correction. */
export const watermarkMillis = 120_000
/** No reading reaches farther: so far behind a window it is looked for. */
export const mostHoldsSeconds = 3_600

/** One minute of one contract in unit-seconds; the four add up to 60 times the contracted units. */
export interface SlaWindow {
  readonly startMillis: number
  readonly upSeconds: number
  readonly degradedSeconds: number
  readonly downSeconds: number
  /** Without telemetry: never counted as up. */
  readonly unknownSeconds: number
  /** How many requests took at most latencyUpperNanos[i], and more than the bound before; undefined: none was measured. */
  readonly latencyCounts?: readonly number[]
}

export interface Span {
  readonly fromMillis: number
  readonly toMillis: number
}

/** Ten steps a decade (the R10 series of ISO 3) from 10 µs to 100 s, and an hour: the same for every window of every series. */
export const latencyUpperNanos: readonly number[] = [
  ...[4, 5, 6, 7, 8, 9, 10].flatMap(exponent =>
    [100, 125, 160, 200, 250, 315, 400, 500, 630, 800].map(step => step * 10 ** (exponent - 2)),
  ),
  100_000_000_000,
  3_600_000_000_000,
]

type ReadingName = Pick<Reading, 'atMillis' | 'probe'>

/** By time, then by probe; one of each name. */
export const inOrder = (one: ReadingName, other: ReadingName): number =>
  one.atMillis - other.atMillis || (one.probe < other.probe ? -1 : one.probe > other.probe ? 1 : 0)

export const isSameReading = (one: Reading, other: Reading): boolean =>
  one.probe === other.probe &&
  one.atMillis === other.atMillis &&
  one.revision === other.revision &&
  one.holdsSeconds === other.holdsSeconds &&
  one.availableUnits === other.availableUnits &&
  one.degradedUnits === other.degradedUnits &&
  one.latencyNanos.length === other.latencyNanos.length &&
  one.latencyNanos.every((nanos, at) => nanos === other.latencyNanos[at])

/**
 * What becomes of a reading beside the one that is known under its name. `conflict`: the same revision says another
 * thing, so that whichever came first would decide.
 */
export const readingFate = (
  reading: Reading,
  known: Reading | undefined,
): 'taken' | 'known' | 'superseded' | 'conflict' => {
  if (known === undefined || reading.revision > known.revision) return 'taken'
  if (reading.revision < known.revision) return 'superseded'
  return isSameReading(reading, known) ? 'known' : 'conflict'
}

/** Where windows may change by a reading at most: what it says, and what the one before it said beyond. */
export const touchedSpan = ({ atMillis }: Reading): Span =>
  minutesBetween(atMillis, atMillis + mostHoldsSeconds * 1_000)

/** The whole minutes of which any of the time is part. */
export const minutesBetween = (fromMillis: number, toMillis: number): Span => ({
  fromMillis: minuteOf(fromMillis),
  toMillis: minuteOf(toMillis + windowMillis - 1),
})

/** Until when a reading is taken to hold if the probe says nothing more. */
export const endOfReading = ({ atMillis, holdsSeconds }: Reading): number => atMillis + holdsSeconds * 1_000

export const minuteOf = (millis: number): number => floor(millis / windowMillis) * windowMillis

/** Where readings that reach into the span may lie. */
export const readingsSpan = ({ fromMillis, toMillis }: Span): Span => ({
  fromMillis: fromMillis - mostHoldsSeconds * 1_000,
  toMillis,
})

interface Units {
  readonly up: number
  readonly degraded: number
}

/**
 * The windows of a span (whole minutes) from all readings that reach into it, in order. At each second the probes that
 * speak are asked, each for as many units as the contract has at most; of several the lower median counts: one that errs
 * among three decides nothing, of two the worse one does. Where none speaks the time is unknown.
 */
export const windowsBetween = (
  readings: readonly Reading[],
  quantity: number,
  { fromMillis, toMillis }: Span,
): readonly SlaWindow[] => {
  const windows: SlaWindow[] = []
  const speaking = new Map<string, Reading>()
  let next = 0
  for (let startMillis = fromMillis; startMillis < toMillis; startMillis += windowMillis) {
    const endMillis = startMillis + windowMillis
    let [up, degraded, down, unknown] = [0, 0, 0, 0]
    let latencyCounts: number[] | undefined
    let at = startMillis
    while (at < endMillis) {
      for (let reading = readings[next]; reading !== undefined && reading.atMillis <= at; reading = readings[++next]) {
        speaking.set(reading.probe, reading)
        if (reading.atMillis < startMillis || reading.latencyNanos.length === 0) continue
        latencyCounts ??= latencyUpperNanos.map(() => 0)
        count(latencyCounts, reading.latencyNanos)
      }
      let until = min(endMillis, readings[next]?.atMillis ?? endMillis)
      for (const [probe, reading] of speaking) {
        const endsMillis = endOfReading(reading)
        if (endsMillis <= at) speaking.delete(probe)
        else until = min(until, endsMillis)
      }
      const seconds = (until - at) / 1_000
      const said = medianUnits(speaking, quantity)
      if (said === undefined) unknown += quantity * seconds
      else {
        up += said.up * seconds
        degraded += said.degraded * seconds
        down += (quantity - said.up - said.degraded) * seconds
      }
      at = until
    }
    windows.push({
      startMillis,
      upSeconds: up,
      degradedSeconds: degraded,
      downSeconds: down,
      unknownSeconds: unknown,
      ...(latencyCounts === undefined ? {} : { latencyCounts }),
    })
  }
  return windows
}

const medianUnits = (speaking: ReadonlyMap<string, Reading>, quantity: number): Units | undefined => {
  const said: Units[] = []
  for (const { availableUnits, degradedUnits } of speaking.values()) {
    const up = min(availableUnits, quantity)
    said.push({ up, degraded: min(degradedUnits, quantity - up) })
  }
  if (said.length > 1) said.sort((one, other) => one.up - other.up || one.degraded - other.degraded)
  return said[(said.length - 1) >> 1]
}

const count = (counts: number[], samples: readonly number[]): void => {
  for (const nanos of samples) {
    let [low, high] = [0, latencyUpperNanos.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((latencyUpperNanos[middle] ?? 0) < nanos) low = middle + 1
      else high = middle
    }
    counts[low] = (counts[low] ?? 0) + 1
  }
}

export const isSameWindow = (one: SlaWindow, other: SlaWindow): boolean =>
  one.startMillis === other.startMillis &&
  one.upSeconds === other.upSeconds &&
  one.degradedSeconds === other.degradedSeconds &&
  one.downSeconds === other.downSeconds &&
  one.unknownSeconds === other.unknownSeconds &&
  (one.latencyCounts ?? []).join() === (other.latencyCounts ?? []).join()
