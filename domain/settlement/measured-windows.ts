/** What a source attests of a service within a window of time: any of these, in whole numbers. */
export interface AttestedWindow {
  readonly source: string
  readonly windowStartMillis: number
  readonly windowEndMillis: number
  /** How many samples were at most so long, and longer than the bound before. */
  readonly latency?: { readonly upperNanos: readonly number[]; readonly counts: readonly number[] }
  readonly availability?: {
    readonly upSeconds: number
    readonly degradedSeconds: number
    readonly downSeconds: number
    readonly unknownSeconds: number
  }
  readonly penaltyMicros?: number
  readonly accuracyPpm?: number
  readonly job?: {
    readonly contractedUnits: number
    readonly deliveredUnits: number
    readonly imbalancePriceMicros: number
  }
}

/** A later version takes the place of an earlier one. */
export interface MeasuredWindow extends AttestedWindow {
  /** Counts from 1; a correction is the next. */
  readonly version: number
}

export interface Span {
  readonly fromMillis: number
  readonly toMillis: number
}

/** Of each window of each source the last version, by time and source. */
export const lastVersions = <Window extends MeasuredWindow>(windows: readonly Window[]): readonly Window[] => {
  const last = new Map<string, Window>()
  for (const window of windows) {
    const key = `${window.source}#${window.windowStartMillis}`
    const known = last.get(key)
    if (known === undefined || window.version > known.version) last.set(key, window)
  }
  return [...last.values()].sort(
    (one, other) => one.windowStartMillis - other.windowStartMillis || (one.source < other.source ? -1 : 1),
  )
}

/** What of the span no window covers, in order. */
export const uncovered = (windows: readonly MeasuredWindow[], { fromMillis, toMillis }: Span): readonly Span[] => {
  const gaps: Span[] = []
  let coveredTo = fromMillis
  for (const { windowStartMillis, windowEndMillis } of windows.toSorted(
    (one, other) => one.windowStartMillis - other.windowStartMillis,
  )) {
    if (windowStartMillis > coveredTo)
      gaps.push({ fromMillis: coveredTo, toMillis: Math.min(windowStartMillis, toMillis) })
    coveredTo = Math.max(coveredTo, windowEndMillis)
    if (coveredTo >= toMillis) return gaps
  }
  return [...gaps, { fromMillis: coveredTo, toMillis }]
}

/**
 * The windows of one source: what two sources say of the same hour is not to be added up. The source that covers most of
 * the span, the first by name among equals.
 */
export const widestSource = (windows: readonly MeasuredWindow[], span: Span): readonly MeasuredWindow[] => {
  const sources = [...new Set(windows.map(({ source }) => source))].sort()
  let best: readonly MeasuredWindow[] = []
  let leastMissing = Infinity
  for (const source of sources) {
    const own = windows.filter(window => window.source === source)
    const missing = uncovered(own, span).reduce((sum, gap) => sum + gap.toMillis - gap.fromMillis, 0)
    if (missing < leastMissing) [best, leastMissing] = [own, missing]
  }
  return best
}

/** Time that one source attests twice would count twice; the window that begins at the same instant is corrected by it. */
export const overlapped = <Window extends AttestedWindow>(
  window: AttestedWindow,
  others: readonly Window[],
): Window | undefined =>
  others.find(
    other =>
      other.source === window.source &&
      other.windowStartMillis < window.windowEndMillis &&
      other.windowEndMillis > window.windowStartMillis &&
      other.windowStartMillis !== window.windowStartMillis,
  )
