import { type Item, integer, itemsOf, oneOf, text } from '#adapters/items.ts'
import { lastFixing } from '#adapters/tables/fixings.ts'
import { listIndexQuotes } from '#adapters/tables/index-quotes.ts'
import { type ParameterRow, parameterAt } from '#adapters/tables/parameters.ts'
import {
  type Fixing,
  fallbackOf,
  type IndexDefinition,
  type IndexInput,
  type IndexVersion,
  indexFallbacks,
  mayFallBack,
  type QuotedSource,
  quotesAsOf,
  screenQuotes,
} from '#domain/reference/index-method.ts'

/** So far a source's clock may be ahead of ours. */
export const quoteLeadMillis = 5_000

export interface IndexLevel {
  readonly level: string
  /** Of the newest quote in it, or of the fixing that stands in. */
  readonly asOfMillis: number
  readonly isFallback: boolean
  readonly definition: IndexVersion
}

/** The method of an index that holds at an instant. */
export const definitionOf = async (index: string, atMillis: number): Promise<IndexVersion | undefined> => {
  const row = await parameterAt('index', index, atMillis)
  return row === undefined ? undefined : indexVersionOf(row)
}

/** The level of an index at an instant near now, from quotes or as declared; undefined where there is none. */
export const currentLevel = async (index: string, atMillis: number): Promise<IndexLevel | undefined> => {
  const [definition, quotes] = await Promise.all([definitionOf(index, atMillis), listIndexQuotes(index)])
  if (definition === undefined) return undefined
  return (await levelNow(definition, quotes, atMillis)).level
}

/** The same of what was read already, with what became of each quote. */
export const levelNow = async (
  definition: IndexVersion,
  quotes: readonly QuotedSource[],
  atMillis: number,
): Promise<{ readonly inputs: readonly IndexInput[]; readonly level: IndexLevel | undefined }> => {
  // A source whose clock is ahead has quoted all the same.
  const until = atMillis + quoteLeadMillis
  const asOf = quotesAsOf(quotes, until).map(quote => ({
    ...quote,
    quotedAtMillis: Math.min(quote.quotedAtMillis, atMillis),
  }))
  const { inputs, level } = screenQuotes(definition, asOf, atMillis)
  if (level !== undefined) {
    const used = inputs.filter(({ use }) => use === 'used').map(({ quotedAtMillis }) => quotedAtMillis)
    return { inputs, level: { level, asOfMillis: Math.max(...used), isFallback: false, definition } }
  }
  return { inputs, level: standIn(definition, await lastFixing(definition.index, atMillis), atMillis) }
}

/** A fixing of this very instant may stand in as well. */
const standIn = (definition: IndexVersion, last: Fixing | undefined, atMillis: number): IndexLevel | undefined => {
  const on = fallbackOf(last)
  if (!mayFallBack(definition, on, Math.max(atMillis, (on?.fixingMillis ?? 0) + 1))) return undefined
  return { level: on.level, asOfMillis: on.fixingMillis, isFallback: true, definition }
}

export const indexVersionOf = ({ name, version, effectiveMillis, value }: ParameterRow): IndexVersion => ({
  index: name,
  version,
  effectiveMillis,
  unit: text(value, 'unit'),
  description: text(value, 'description'),
  sources: itemsOf(value, 'sources').map(each => ({
    source: text(each, 'source'),
    weightPpm: integer(each, 'weight_ppm'),
  })),
  fixingIntervalMillis: integer(value, 'fixing_interval_millis'),
  staleAfterMillis: integer(value, 'stale_after_millis'),
  outlierPpm: integer(value, 'outlier_ppm'),
  trimPpm: integer(value, 'trim_ppm'),
  leastSources: integer(value, 'least_sources'),
  decimals: integer(value, 'decimals'),
  fallback: oneOf(value, 'fallback', indexFallbacks),
  fallbackAfterMillis: integer(value, 'fallback_after_millis'),
  fallbackMaxAgeMillis: integer(value, 'fallback_max_age_millis'),
})

/** What is stored of a definition: its name is the parameter's. */
export const indexValueOf = (definition: Omit<IndexDefinition, 'index'>): Item => ({
  unit: definition.unit,
  description: definition.description,
  sources: definition.sources.map(({ source, weightPpm }) => ({ source, weight_ppm: weightPpm })),
  fixing_interval_millis: definition.fixingIntervalMillis,
  stale_after_millis: definition.staleAfterMillis,
  outlier_ppm: definition.outlierPpm,
  trim_ppm: definition.trimPpm,
  least_sources: definition.leastSources,
  decimals: definition.decimals,
  fallback: definition.fallback,
  fallback_after_millis: definition.fallbackAfterMillis,
  fallback_max_age_millis: definition.fallbackMaxAgeMillis,
})
