import type { IndexDefinition } from '#domain/reference/index-method.ts'
import { indexValueOf } from '#lambdas/shell/index-level.ts'
import type { MockedTables } from './mocked-tables.ts'

export const indexName = 'H100.USE'

const minute = 60_000

/** Three sources of one weight and one of two: any two that agree make a level. */
export const testMethod: Omit<IndexDefinition, 'index'> = {
  unit: 'USD per GPU-hour',
  description: 'H100 by the hour, on demand, US East',
  sources: [
    { source: 'desk', weightPpm: 1_000_000 },
    { source: 'broker', weightPpm: 1_000_000 },
    { source: 'cloud', weightPpm: 2_000_000 },
  ],
  fixingIntervalMillis: minute,
  staleAfterMillis: 5 * minute,
  outlierPpm: 100_000,
  trimPpm: 0,
  leastSources: 2,
  decimals: 4,
  fallback: 'previous-fixing',
  fallbackAfterMillis: 2 * minute,
  fallbackMaxAgeMillis: 60 * minute,
}

/** The index as somebody defined it, version by version. */
export const seedIndex = (
  tables: Pick<MockedTables, 'seed'>,
  more: {
    readonly name?: string
    readonly version?: number
    readonly effectiveMillis?: number
    readonly setAtMillis?: number
    readonly method?: Partial<typeof testMethod>
  } = {},
): void => {
  const { name = indexName, version = 1, effectiveMillis = 0, setAtMillis = 0 } = more
  tables.seed(
    'parameters',
    {
      kind: 'index',
      version_key: `${name}#${new Date(effectiveMillis).toISOString()}#${String(version).padStart(6, '0')}`,
      name,
      effective_millis: effectiveMillis,
      version,
      value: indexValueOf({ ...testMethod, ...more.method }),
      set_by: 'founder',
      set_at_millis: setAtMillis,
    },
    { kind: 'index#newest', version_key: name, version },
  )
}
