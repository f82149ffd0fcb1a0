import type { QuotedSource } from '#domain/reference/index-method.ts'
import { tables } from '#protocol/tables.ts'
import { type Item, integer, itemsOf, text } from '../items.ts'
import { page } from '../pages.ts'
import type { Write } from '../writes.ts'

/** What a source last said of an index. */
export interface IndexQuoteRow extends QuotedSource {
  readonly index: string
  readonly receivedAtMillis: number
}

// The table is named where it is used, for bundles that need none of this: see fixings.ts.
/** More than an index may have sources. */
const mostSources = 200

export const listIndexQuotes = async (index: string): Promise<readonly IndexQuoteRow[]> => {
  const { rows } = await page(
    {
      table: tables.indexQuotes,
      partition: { name: 'index', value: index },
      sortKeyName: 'source',
      limit: mostSources,
    },
    rowOf,
  )
  return rows
}

/** Only in the place of the one that was read (undefined: none). */
export const indexQuotePut = (row: IndexQuoteRow, read: IndexQuoteRow | undefined): Write => ({
  kind: 'put',
  table: tables.indexQuotes,
  item: {
    index: row.index,
    source: row.source,
    level: row.level,
    quoted_at_millis: row.quotedAtMillis,
    received_at_millis: row.receivedAtMillis,
    earlier: row.earlier.map(({ level, quotedAtMillis }) => ({ level, quoted_at_millis: quotedAtMillis })),
  },
  onlyIf: { quoted_at_millis: read?.quotedAtMillis },
})

const rowOf = (item: Item): IndexQuoteRow => ({
  index: text(item, 'index'),
  source: text(item, 'source'),
  level: text(item, 'level'),
  quotedAtMillis: integer(item, 'quoted_at_millis'),
  receivedAtMillis: integer(item, 'received_at_millis'),
  earlier: itemsOf(item, 'earlier').map(each => ({
    level: text(each, 'level'),
    quotedAtMillis: integer(each, 'quoted_at_millis'),
  })),
})
