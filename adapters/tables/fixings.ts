import { type Fixing, type IndexInput, quoteUses } from '#domain/reference/index-method.ts'
import { tables } from '#protocol/tables.ts'
import { type Item, integer, itemsOf, oneOf, optional, text, truth } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store, transact, type Write } from '../writes.ts'

export type FixingRow = Fixing

// Tables are named where they are used: a module that runs nothing at its start leaves the bundles of who needs none of it.
const rowsOfRead = 500

/** From one instant to another, both included, oldest first. */
export const listFixings = async (
  index: string,
  fromMillis: number,
  toMillis: number,
): Promise<readonly FixingRow[]> => {
  const found: FixingRow[] = []
  let from: number | undefined = fromMillis
  while (from !== undefined) {
    const { rows, next }: Page<FixingRow> = await fixingsPage(index, {
      fromMillis: from,
      toMillis,
      limit: rowsOfRead,
      isNewestFirst: false,
    })
    found.push(...rows)
    from = next === undefined ? undefined : Number(next) + 1
  }
  return found
}

/** A page of them, newest first unless told. */
export const fixingsPage = (
  index: string,
  options: {
    readonly fromMillis?: number
    readonly toMillis?: number
    readonly limit: number
    readonly isNewestFirst?: boolean
  },
): Promise<Page<FixingRow>> => {
  // The row of instant 0 says how far the index is decided.
  const from = Math.max(options.fromMillis ?? 1, 1)
  const to = Math.min(options.toMillis ?? Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  if (from > to) return Promise.resolve({ rows: [] })
  return page(
    {
      table: tables.fixings,
      partition: { name: 'index', value: index },
      sortKeyName: 'fixing_millis',
      between: [from, to],
      newestFirst: options.isNewestFirst ?? true,
      limit: options.limit,
    },
    rowOf,
  )
}

export const fixingAt = async (index: string, fixingMillis: number): Promise<FixingRow | undefined> =>
  (await fixingsPage(index, { fromMillis: fixingMillis, toMillis: fixingMillis, limit: 1 })).rows[0]

/** The newest up to an instant, itself included. */
export const lastFixing = async (index: string, atMillis: number): Promise<FixingRow | undefined> =>
  (await fixingsPage(index, { toMillis: atMillis, limit: 1 })).rows[0]

/** The first that is stored is the fixing; false where it is another one's. */
export const putFixing = (row: FixingRow): Promise<boolean> => store(fixingPut(row))

/** All or none, at most `mostItemsOfTransaction`; false where one of them is stored already. */
export const putFixings = (rows: readonly FixingRow[]): Promise<boolean> => transact(rows.map(fixingPut))

/** Up to which instant it is decided what was fixed, and what never will be; undefined before the first. */
export const getDecided = async (index: string): Promise<number | undefined> => {
  const { rows } = await page(
    {
      table: tables.fixings,
      partition: { name: 'index', value: index },
      sortKeyName: 'fixing_millis',
      between: [decidedRow, decidedRow],
      limit: 1,
    },
    item => integer(item, 'decided_until_millis'),
  )
  return rows[0]
}

/** Only from where it was read to be. */
export const moveDecided = (index: string, read: number | undefined, untilMillis: number): Promise<boolean> =>
  store({
    kind: 'put',
    table: tables.fixings,
    item: { index, fixing_millis: decidedRow, decided_until_millis: untilMillis },
    onlyIf: { decided_until_millis: read },
  })

const decidedRow = 0

const fixingPut = (row: FixingRow): Write => ({
  kind: 'put',
  table: tables.fixings,
  item: {
    index: row.index,
    fixing_millis: row.fixingMillis,
    level: row.level,
    is_fallback: row.isFallback,
    method_version: row.methodVersion,
    inputs: row.inputs.map(({ source, level, weightPpm, quotedAtMillis, use }) => ({
      source,
      level,
      weight_ppm: weightPpm,
      quoted_at_millis: quotedAtMillis,
      use,
    })),
    fallback_millis: row.fallbackOn?.fixingMillis,
    fallback_level: row.fallbackOn?.level,
  },
  onlyIf: { fixing_millis: undefined },
})

const rowOf = (item: Item): FixingRow => ({
  index: text(item, 'index'),
  fixingMillis: integer(item, 'fixing_millis'),
  level: text(item, 'level'),
  isFallback: truth(item, 'is_fallback'),
  methodVersion: integer(item, 'method_version'),
  inputs: itemsOf(item, 'inputs').map(inputOf),
  ...optional('fallbackOn', item, 'fallback_millis', () => ({
    fixingMillis: integer(item, 'fallback_millis'),
    level: text(item, 'fallback_level'),
  })),
})

const inputOf = (item: Item): IndexInput => ({
  source: text(item, 'source'),
  level: text(item, 'level'),
  weightPpm: integer(item, 'weight_ppm'),
  quotedAtMillis: integer(item, 'quoted_at_millis'),
  use: oneOf(item, 'use', quoteUses),
})
