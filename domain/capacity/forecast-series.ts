/** Hourly observations, oldest first, with no hour left out: what is not known is filled in, and marked. */
export interface HourlySeries {
  /** Never negative; a gap holds the value of the same hour of the day before, or else the last one before it. */
  readonly values: Float64Array
  /** 1 where it was observed. */
  readonly isKnown: Uint8Array
}

export const mostHours = 100_000
const mostUnknownShare = 0.2
const longestGapHours = 48

export type SeriesFault =
  | { readonly code: 'empty' }
  | { readonly code: 'too-long'; readonly hours: number }
  | { readonly code: 'not-a-number' | 'negative'; readonly hour: number }
  | { readonly code: 'gap-too-long'; readonly hour: number; readonly hours: number }
  | { readonly code: 'too-many-gaps'; readonly share: number }

/** In words, hours counted from 1 as whoever looks into the file does. */
export const faultInWords = (fault: SeriesFault): string => {
  switch (fault.code) {
    case 'empty':
      return 'has no observation'
    case 'too-long':
      return `has ${fault.hours} hours, more than ${mostHours}`
    case 'not-a-number':
      return `hour ${fault.hour + 1} is not a finite number`
    case 'negative':
      return `hour ${fault.hour + 1} is negative: neither demand nor a price is`
    case 'gap-too-long':
      return `has no observation for ${fault.hours} hours from hour ${fault.hour + 1} on; at most ${longestGapHours} are filled in`
    case 'too-many-gaps':
      return `lacks ${Math.round(100 * fault.share)} % of its hours; at most ${100 * mostUnknownShare} % are filled in`
  }
}

/**
 * Takes a series with gaps (null); those before the first observation are left out. Gaps are filled from the past only:
 * interpolating would tell a forecast that starts within the gap what comes after it.
 */
export const hourlySeries = (observed: readonly (number | null)[]): HourlySeries | SeriesFault => {
  if (observed.length > mostHours) return { code: 'too-long', hours: observed.length }
  const wrong = observed.findIndex(value => value !== null && !Number.isFinite(value))
  if (wrong >= 0) return { code: 'not-a-number', hour: wrong }
  const negative = observed.findIndex(value => value !== null && value < 0)
  if (negative >= 0) return { code: 'negative', hour: negative }
  const first = observed.findIndex(value => value !== null)
  if (first < 0) return { code: 'empty' }

  const length = observed.length - first
  const values = new Float64Array(length)
  const isKnown = new Uint8Array(length)
  let gapHours = 0
  let unknown = 0
  for (let hour = 0; hour < length; hour += 1) {
    const value = observed[first + hour] ?? null
    if (value !== null) {
      values[hour] = value
      isKnown[hour] = 1
      gapHours = 0
      continue
    }
    gapHours += 1
    unknown += 1
    values[hour] = values[hour >= 24 ? hour - 24 : hour - 1] ?? 0
    if (gapHours > longestGapHours)
      return { code: 'gap-too-long', hour: first + hour + 1 - gapHours, hours: gapLength(observed, first + hour) }
  }
  return unknown > mostUnknownShare * length ? { code: 'too-many-gaps', share: unknown / length } : { values, isKnown }
}

const gapLength = (observed: readonly (number | null)[], within: number): number => {
  let [from, to] = [within, within]
  while (from > 0 && observed[from - 1] === null) from -= 1
  while (to < observed.length && observed[to] === null) to += 1
  return to - from
}
