import { decimal, increments } from '../units.ts'

/**
 * How the level of an index follows from what its sources quote: stale quotes are left out, then outliers, then a share of
 * the weight at each end, and the rest is averaged by weight. Outliers are those farther than a share of the median from
 * the weighted median, as in the "potentially erroneous data" rule of the CME CF reference rates (CF Benchmarks, CME CF
 * Real Time Indices Methodology Guide); that anyone can make a level again from what is stored is asked by IOSCO,
 * Principles for Financial Benchmarks (2013), 11 and 18. All of it is exact: levels are whole hundred-millionths, the mean
 * is a ratio of integers, and one rounding (to the nearest, halves up) makes the level of it.
 */
export interface IndexDefinition {
  readonly index: string
  /** Of what the level is the price, in the field's words: `USD per GPU-hour`. */
  readonly unit: string
  readonly description: string
  readonly sources: readonly IndexSource[]
  /** Whole minutes that divide a day: fixings are taken at its multiples since 1970, UTC. */
  readonly fixingIntervalMillis: number
  /** The oldest that a quote may be. */
  readonly staleAfterMillis: number
  /** The farthest from the weighted median, in parts per million of the median. */
  readonly outlierPpm: number
  /** Of the weight that is left, so much is cut at each end; less than a half. */
  readonly trimPpm: number
  /** So many sources must be neither stale nor outliers. */
  readonly leastSources: number
  /** Digits after the point of a level. */
  readonly decimals: number
  readonly fallback: IndexFallback
  /** For how long a fixing waits for quotes of its time before it falls back. */
  readonly fallbackAfterMillis: number
  /** The greatest age of the fixing that is fallen back on, itself made of quotes. */
  readonly fallbackMaxAgeMillis: number
}

export interface IndexSource {
  readonly source: string
  /** Against the others'; they need not sum to anything. */
  readonly weightPpm: number
}

export const indexFallbacks = ['previous-fixing', 'none'] as const
export type IndexFallback = (typeof indexFallbacks)[number]

export interface IndexQuote {
  readonly source: string
  readonly level: string
  readonly quotedAtMillis: number
}

/** `too-few`: it would have counted, had there been enough others. */
export const quoteUses = ['used', 'trimmed', 'outlier', 'stale', 'too-few'] as const
export type QuoteUse = (typeof quoteUses)[number]

/** A quote with what became of it. */
export interface IndexInput extends IndexQuote {
  readonly weightPpm: number
  readonly use: QuoteUse
}

/** Largest level that a source may quote, and its finest digit: a hundred-millionth. */
export const largestLevel = 10_000_000
const finest = '0.00000001'
const mostUnits = BigInt(largestLevel) * 100_000_000n
const million = 1_000_000n

/** A level as hundred-millionths; undefined where the text is no decimal above zero, too fine or too large. */
export const levelUnits = (text: string): bigint | undefined => {
  const units = increments(text, finest)
  return units === undefined || units === 0 || BigInt(units) > mostUnits ? undefined : BigInt(units)
}

/** An exact positive fraction, of hundred-millionths. */
interface Fraction {
  readonly top: bigint
  readonly bottom: bigint
}

/** The fraction to so many digits, halves up. */
const rounded = ({ top, bottom }: Fraction, decimals: number): bigint => {
  const step = 10n ** BigInt(8 - decimals)
  return (2n * top + bottom * step) / (2n * bottom * step)
}

const levelText = (count: bigint, decimals: number): string => decimal(count, decimalStep(decimals))
const decimalStep = (decimals: number): string => (decimals === 0 ? '1' : `0.${'1'.padStart(decimals, '0')}`)

/** Whether a quote is more than nothing in the digits of the index: so no level can round to zero. */
export const isQuotable = (level: string, { decimals }: Pick<IndexDefinition, 'decimals'>): boolean => {
  const units = levelUnits(level)
  return units !== undefined && rounded({ top: units, bottom: 1n }, decimals) > 0n
}

export interface Screened {
  /** In the order of the definition's sources; a source without a quote of that time has none. */
  readonly inputs: readonly IndexInput[]
  /** Undefined where too few sources are left. */
  readonly level: string | undefined
}

interface Weighed {
  readonly quote: IndexQuote
  readonly units: bigint
  readonly weight: bigint
}

/**
 * The level that the quotes make at an instant. At most one quote a source; those of other sources, and of later times,
 * are not of this level and left out. The order of quotes does not matter.
 */
export const screenQuotes = (
  definition: IndexDefinition,
  quotes: readonly IndexQuote[],
  atMillis: number,
): Screened => {
  const weighed = definition.sources.flatMap(({ source, weightPpm }): Weighed[] => {
    const quote = quotes.find(each => each.source === source && each.quotedAtMillis <= atMillis)
    const units = quote === undefined ? undefined : levelUnits(quote.level)
    // What rounds to nothing in the digits of this version counts for nothing.
    if (quote === undefined || units === undefined || !isQuotable(quote.level, definition)) return []
    return [{ quote, units, weight: BigInt(weightPpm) }]
  })
  const fresh = weighed.filter(({ quote }) => atMillis - quote.quotedAtMillis <= definition.staleAfterMillis)
  const sorted = fresh.toSorted(byLevel)
  const twiceMedian = twiceWeightedMedian(sorted)
  const near = sorted.filter(({ units }) => {
    const twiceOff = 2n * units - twiceMedian
    return (twiceOff < 0n ? -twiceOff : twiceOff) * million <= BigInt(definition.outlierPpm) * twiceMedian
  })
  const isEnough = near.length >= definition.leastSources && near.length > 0
  const { kept, mean } = trimmedMean(near, definition.trimPpm)
  const useOf = (each: Weighed): QuoteUse => {
    if (!fresh.includes(each)) return 'stale'
    if (!near.includes(each)) return 'outlier'
    if (!isEnough) return 'too-few'
    return kept.has(each) ? 'used' : 'trimmed'
  }
  return {
    inputs: weighed.map(each => ({
      source: each.quote.source,
      level: each.quote.level,
      weightPpm: Number(each.weight),
      quotedAtMillis: each.quote.quotedAtMillis,
      use: useOf(each),
    })),
    level: isEnough ? levelText(rounded(mean, definition.decimals), definition.decimals) : undefined,
  }
}

/** By level; the names of sources decide between equal ones, so that each has a place of its own. */
const byLevel = (one: Weighed, other: Weighed): number => {
  if (one.units !== other.units) return one.units < other.units ? -1 : 1
  return one.quote.source < other.quote.source ? -1 : 1
}

const weightOf = (sorted: readonly Weighed[]): bigint => sorted.reduce((sum, { weight }) => sum + weight, 0n)

/**
 * The lower and the upper weighted median, added: each side of either holds no more than half of the weight. They differ
 * only where the weight splits in two equal halves. 0 of nothing.
 */
const twiceWeightedMedian = (sorted: readonly Weighed[]): bigint => {
  const total = weightOf(sorted)
  let below = 0n
  let lower: bigint | undefined
  for (const { units, weight } of sorted) {
    below += weight
    if (lower === undefined && 2n * below >= total) lower = units
    if (2n * below > total) return (lower ?? units) + units
  }
  return 0n
}

/** The weighted mean of what lies between the share cut off at each end; a quote on the edge counts in part. */
const trimmedMean = (
  sorted: readonly Weighed[],
  trimPpm: number,
): { readonly kept: ReadonlySet<Weighed>; readonly mean: Fraction } => {
  const total = weightOf(sorted)
  // In millionths of a part per million of weight, so that the cut is whole.
  const from = total * BigInt(trimPpm)
  const to = total * million - from
  const kept = new Set<Weighed>()
  let [start, top, bottom] = [0n, 0n, 0n]
  for (const each of sorted) {
    const end = start + each.weight * million
    const share = (end < to ? end : to) - (start > from ? start : from)
    if (share > 0n) {
      kept.add(each)
      top += share * each.units
      bottom += share
    }
    start = end
  }
  return { kept, mean: { top, bottom } }
}

/** A level that was fixed for good, with all that it was made of. */
export interface Fixing {
  readonly index: string
  readonly fixingMillis: number
  readonly level: string
  readonly isFallback: boolean
  /** Of the definition that made it. */
  readonly methodVersion: number
  readonly inputs: readonly IndexInput[]
  /** The fixing made of quotes whose level it has taken over. */
  readonly fallbackOn?: FallenBackOn
}

export interface FallenBackOn {
  readonly fixingMillis: number
  readonly level: string
}

/** A definition as of which version it is. */
export interface IndexVersion extends IndexDefinition {
  readonly version: number
  readonly effectiveMillis: number
}

export type FixingDecision =
  | { readonly kind: 'fixed'; readonly fixing: Fixing }
  /** Quotes of its time may still come. */
  | { readonly kind: 'waiting'; readonly inputs: readonly IndexInput[] }
  /** There is none, and there will be none. */
  | { readonly kind: 'missed'; readonly inputs: readonly IndexInput[] }

/** What the newest fixing before it offers to fall back on: the one made of quotes that it is, or itself fell back on. */
export const fallbackOf = (previous: Fixing | undefined): FallenBackOn | undefined =>
  previous?.fallbackOn ?? (previous === undefined || previous.isFallback ? undefined : fallenBackOn(previous))

const fallenBackOn = ({ fixingMillis, level }: Fixing): FallenBackOn => ({ fixingMillis, level })

/** Whether the definition lets a level of that age stand in at an instant. */
export const mayFallBack = (
  { fallback, fallbackMaxAgeMillis }: IndexDefinition,
  on: FallenBackOn | undefined,
  atMillis: number,
): on is FallenBackOn =>
  fallback === 'previous-fixing' &&
  on !== undefined &&
  on.fixingMillis < atMillis &&
  atMillis - on.fixingMillis <= fallbackMaxAgeMillis

/** The fixing of an instant, decided at another: never a level that neither quotes nor the declared fallback make. */
export const decideFixing = (
  method: IndexVersion,
  quotes: readonly IndexQuote[],
  fixingMillis: number,
  nowMillis: number,
  previous: Fixing | undefined,
): FixingDecision => {
  const { inputs, level } = screenQuotes(method, quotes, fixingMillis)
  const fixing = { index: method.index, fixingMillis, methodVersion: method.version, inputs }
  if (level !== undefined) return { kind: 'fixed', fixing: { ...fixing, level, isFallback: false } }
  if (nowMillis - fixingMillis < method.fallbackAfterMillis) return { kind: 'waiting', inputs }
  const on = fallbackOf(previous)
  if (!mayFallBack(method, on, fixingMillis)) return { kind: 'missed', inputs }
  return { kind: 'fixed', fixing: { ...fixing, level: on.level, isFallback: true, fallbackOn: on } }
}

/**
 * The fixing made again out of what is stored of it, by the definition of its version; undefined where these inputs make
 * none. Equal to what is stored, or somebody has changed one or the other.
 */
export const recomputeFixing = (stored: Fixing, definition: IndexDefinition): Fixing | undefined => {
  const { index, fixingMillis, methodVersion, fallbackOn } = stored
  const { inputs, level } = screenQuotes(definition, stored.inputs, fixingMillis)
  const fixing = { index, fixingMillis, methodVersion, inputs }
  if (level !== undefined) return { ...fixing, level, isFallback: false }
  if (!mayFallBack(definition, fallbackOn, fixingMillis)) return undefined
  return { ...fixing, level: fallbackOn.level, isFallback: true, fallbackOn }
}

/** The version that holds at an instant: of those that do by then the one with the latest effective time, then the newest. */
export const versionAt = <Version extends { readonly version: number; readonly effectiveMillis: number }>(
  versions: readonly Version[],
  atMillis: number,
): Version | undefined =>
  versions.reduce<Version | undefined>((best, each) => {
    if (each.effectiveMillis > atMillis) return best
    if (best === undefined || each.effectiveMillis > best.effectiveMillis) return each
    return each.effectiveMillis === best.effectiveMillis && each.version > best.version ? each : best
  }, undefined)

export interface DueFixing {
  readonly fixingMillis: number
  readonly method: IndexVersion
}

/** The first `most` instants after one and up to another at which the version that holds then has a fixing. */
export const dueFixings = (
  versions: readonly IndexVersion[],
  afterMillis: number,
  untilMillis: number,
  most: number,
): readonly DueFixing[] => {
  const due: DueFixing[] = []
  const starts = versions.map(({ effectiveMillis }) => effectiveMillis).sort((one, other) => one - other)
  let at = afterMillis
  while (due.length < most) {
    const method = versionAt(versions, at + 1)
    const change = starts.find(start => start > at + 1)
    if (method === undefined) {
      if (change === undefined) return due
      at = change - 1
      continue
    }
    const next = (Math.floor(at / method.fixingIntervalMillis) + 1) * method.fixingIntervalMillis
    if (change !== undefined && change <= next) {
      // The other version's own instants, its first one included.
      at = change - 1
      continue
    }
    if (next > untilMillis) return due
    due.push({ fixingMillis: next, method })
    at = next
  }
  return due
}

/** What is kept of a source: its newest quote, and of minutes before the newest one at each end. */
export interface QuotedSource extends IndexQuote {
  /** Ascending. */
  readonly earlier: readonly Quoted[]
}

interface Quoted {
  readonly level: string
  readonly quotedAtMillis: number
}

const minuteMillis = 60_000
/** A fixing may wait so long for quotes of its time, and what was quoted at its time is known for as long. */
export const longestWaitMillis = 10 * minuteMillis
const keptMinutesMillis = longestWaitMillis + 5 * minuteMillis

/** A newer quote in the place of the newest, which is kept if it was the last one at the end of a minute: fixings ask for it. */
export const quotedAnew = (before: QuotedSource | undefined, quote: IndexQuote): QuotedSource => {
  if (before === undefined) return { ...quote, earlier: [] }
  const { level, quotedAtMillis } = before
  const minuteEnd = Math.ceil(quotedAtMillis / minuteMillis) * minuteMillis
  const earlier = minuteEnd < quote.quotedAtMillis ? [...before.earlier, { level, quotedAtMillis }] : before.earlier
  const horizon = quote.quotedAtMillis - keptMinutesMillis
  // The last one before the horizon still held at it.
  const first = earlier.findLastIndex(each => each.quotedAtMillis <= horizon)
  return { ...quote, earlier: earlier.slice(Math.max(first, 0)) }
}

/** What each source had quoted by an instant, as far as it is still known. */
export const quotesAsOf = (sources: readonly QuotedSource[], atMillis: number): readonly IndexQuote[] =>
  sources.flatMap(({ source, level, quotedAtMillis, earlier }) => {
    const quoted = [...earlier, { level, quotedAtMillis }].findLast(each => each.quotedAtMillis <= atMillis)
    return quoted === undefined ? [] : [{ source, ...quoted }]
  })
