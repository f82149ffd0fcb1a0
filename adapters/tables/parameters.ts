import { tables } from '#protocol/tables.ts'
import { type Item, integer, oneOf, optional, text } from '../items.ts'
import { page } from '../pages.ts'
import { transact, type Write } from '../writes.ts'

export const parameterKinds = [
  'index',
  'grid',
  'marking',
  'risk',
  'liquidation',
  'limit-scaling',
  'day-ahead-market',
] as const
export type ParameterKind = (typeof parameterKinds)[number]

/** A business parameter as of one version; versions are only ever added. Its value is all of it, or what it changes. */
export interface ParameterRow {
  readonly kind: ParameterKind
  readonly name: string
  /** It holds from then on, until one with a later effective time does. */
  readonly effectiveMillis: number
  /** Counts the versions of the name, from 1. */
  readonly version: number
  readonly value: Item
  readonly setBy: string
  readonly setAtMillis: number
  /** The Idempotency-Key that it was asked for under, and the hash of what was asked. */
  readonly request?: { readonly name: string; readonly hash: string }
}

const rowsOfRead = 500

const isoOf = (millis: number): string => new Date(millis).toISOString()
const versionKeyOf = ({ name, effectiveMillis, version }: ParameterRow): string =>
  `${name}#${isoOf(effectiveMillis)}#${String(version).padStart(6, '0')}`

/** Beyond every version that holds at that instant. */
const endOf = (name: string, atMillis: number): string => `${name}#${isoOf(atMillis)}#999999`

/** Where the changes of all names of a kind are counted, among the rows that count the versions of a name. */
const changesKey = '#'

/**
 * Adds a version, only as the one after the newest: false where somebody has added one since. A row of its own counts
 * the versions of a name, so that of two with different effective times one is refused as well. With the changes of the
 * kind as they were counted when its rows were read, it is also refused where another name has changed since.
 */
export const putParameter = (row: ParameterRow, changesBefore?: number): Promise<boolean> => {
  const writes: readonly Write[] = [
    {
      kind: 'put',
      table: tables.parameters,
      item: {
        kind: row.kind,
        version_key: versionKeyOf(row),
        name: row.name,
        effective_millis: row.effectiveMillis,
        version: row.version,
        value: row.value,
        set_by: row.setBy,
        set_at_millis: row.setAtMillis,
        request_name: row.request?.name,
        request_hash: row.request?.hash,
      },
      onlyIf: { version_key: undefined },
    },
    {
      kind: 'put',
      table: tables.parameters,
      item: { kind: `${row.kind}#newest`, version_key: row.name, version: row.version },
      onlyIf: { version: row.version === 1 ? undefined : row.version - 1 },
    },
  ]
  if (changesBefore === undefined) return transact(writes)
  const counted: Write = {
    kind: 'put',
    table: tables.parameters,
    item: { kind: `${row.kind}#newest`, version_key: changesKey, version: changesBefore + 1 },
    onlyIf: { version: changesBefore === 0 ? undefined : changesBefore },
  }
  return transact([...writes, counted])
}

/** How often names of the kind were changed so that it is counted. */
export const parameterChanges = async (kind: ParameterKind): Promise<number> => {
  const { rows } = await page(
    {
      table: tables.parameters,
      partition: { name: 'kind', value: `${kind}#newest` },
      sortKeyName: 'version_key',
      sortKey: changesKey,
      limit: 1,
    },
    item => integer(item, 'version'),
  )
  return rows[0] ?? 0
}

/** The version that holds at an instant. */
export const parameterAt = async (
  kind: ParameterKind,
  name: string,
  atMillis: number,
): Promise<ParameterRow | undefined> => {
  const { rows } = await page(
    {
      table: tables.parameters,
      partition: { name: 'kind', value: kind },
      sortKeyName: 'version_key',
      between: [`${name}#`, endOf(name, atMillis)],
      newestFirst: true,
      limit: 1,
    },
    rowOf,
  )
  return rows[0]
}

/** All of a name, by the time from which they hold, then by number. */
export const parameterVersions = (kind: ParameterKind, name: string): Promise<readonly ParameterRow[]> =>
  rowsBetween(kind, `${name}#`, `${name}#~`)

/** All versions of all names. */
export const allParameters = (kind: ParameterKind): Promise<readonly ParameterRow[]> => rowsBetween(kind, ' ', '~')

/** What holds at an instant, one row a name, by name. */
export const parametersAt = async (kind: ParameterKind, atMillis: number): Promise<readonly ParameterRow[]> => {
  const newest = new Map<string, ParameterRow>()
  for (const row of await allParameters(kind)) if (row.effectiveMillis <= atMillis) newest.set(row.name, row)
  return [...newest.values()]
}

const rowsBetween = async (kind: ParameterKind, from: string, to: string): Promise<readonly ParameterRow[]> => {
  const found: ParameterRow[] = []
  let after: string | undefined
  do {
    const { rows, next } = await page(
      {
        table: tables.parameters,
        partition: { name: 'kind', value: kind },
        sortKeyName: 'version_key',
        between: [from, to],
        limit: rowsOfRead,
        ...(after === undefined ? {} : { after: { kind, version_key: after } }),
      },
      rowOf,
    )
    found.push(...rows)
    after = next
  } while (after !== undefined)
  return found
}

const rowOf = (item: Item): ParameterRow => ({
  kind: oneOf(item, 'kind', parameterKinds),
  name: text(item, 'name'),
  effectiveMillis: integer(item, 'effective_millis'),
  version: integer(item, 'version'),
  value: valueIn(item),
  setBy: text(item, 'set_by'),
  setAtMillis: integer(item, 'set_at_millis'),
  ...optional('request', item, 'request_name', () => ({
    name: text(item, 'request_name'),
    hash: text(item, 'request_hash'),
  })),
})

const valueIn = ({ value }: Item): Item => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('the value of a parameter is no item')
  return { ...value }
}
