import type * as z from 'zod'
import type { ParameterRow } from '#adapters/tables/parameters.ts'
import type { Fixing, IndexInput } from '#domain/reference/index-method.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { fixing, indexDetail, indexVersion } from '#protocol/operations/indices.ts'
import { type IndexLevel, indexVersionOf } from '../shell/index-level.ts'

const timeOf = (millis: number): string => new Date(millis).toISOString()

/** Parts in a million are to one what micros are to a unit. */
const shareOf = decimalOfMicros

export const versionOf = (row: ParameterRow): z.infer<typeof indexVersion> => {
  const method = indexVersionOf(row)
  return {
    index: method.index,
    version: method.version,
    effective_from: timeOf(method.effectiveMillis),
    unit: method.unit,
    description: method.description,
    sources: method.sources.map(({ source, weightPpm }) => ({ source, weight: shareOf(weightPpm) })),
    fixing_interval_ms: method.fixingIntervalMillis,
    stale_after_ms: method.staleAfterMillis,
    outlier: shareOf(method.outlierPpm),
    trim: shareOf(method.trimPpm),
    least_sources: method.leastSources,
    decimals: method.decimals,
    fallback: method.fallback,
    fallback_after_ms: method.fallbackAfterMillis,
    fallback_max_age_ms: method.fallbackMaxAgeMillis,
    set_by: row.setBy,
    set_at: timeOf(row.setAtMillis),
  }
}

export const inputOf = ({
  source,
  level,
  weightPpm,
  quotedAtMillis,
  use,
}: IndexInput): z.infer<typeof indexDetail>['inputs'][number] => ({
  source,
  level,
  weight: shareOf(weightPpm),
  timestamp: timeOf(quotedAtMillis),
  use,
})

export const fixingOf = (row: Fixing): z.infer<typeof fixing> => ({
  timestamp: timeOf(row.fixingMillis),
  level: row.level,
  is_fallback: row.isFallback,
  fallback_timestamp: row.fallbackOn === undefined ? null : timeOf(row.fallbackOn.fixingMillis),
  method_version: row.methodVersion,
  inputs: row.inputs.map(inputOf),
})

export const levelOf = (
  level: IndexLevel | undefined,
  isEffective = true,
): Pick<z.infer<typeof indexDetail>, 'level' | 'level_timestamp' | 'is_fallback' | 'unavailable_reason'> =>
  level === undefined
    ? {
        level: null,
        level_timestamp: null,
        is_fallback: false,
        unavailable_reason: isEffective ? 'too-few-sources' : 'not-effective',
      }
    : {
        level: level.level,
        level_timestamp: timeOf(level.asOfMillis),
        is_fallback: level.isFallback,
        unavailable_reason: null,
      }
