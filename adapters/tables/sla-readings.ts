import type { Reading, Span } from '#domain/sla/readings.ts'
import { tables } from '#protocol/tables.ts'
import { type Item, integer, listOf, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import type { Write } from '../writes.ts'

export interface ReadingRow extends Reading {
  readonly series: string
  readonly receivedAtMillis: number
}

type ReadingName = Pick<ReadingRow, 'series' | 'probe' | 'atMillis'>

const table = tables.slaReadings
const rowsOfRead = 500
/** Far longer than corrections are taken: whoever asks what a window was made of finds it. */
const keptSeconds = 400 * 86_400

const timeKeyOf = (millis: number): string => String(Math.max(0, millis)).padStart(15, '0')
const readingKeyOf = ({ atMillis, probe }: ReadingName): string => `${timeKeyOf(atMillis)}#${probe}`

export const getReading = async (name: ReadingName): Promise<ReadingRow | undefined> => {
  const { rows } = await page(
    {
      table,
      partition: { name: 'series', value: name.series },
      sortKeyName: 'reading_key',
      sortKey: readingKeyOf(name),
      limit: 1,
    },
    readingRowOf,
  )
  return rows[0]
}

/** All of a series that were measured within a span, by time, then by probe. */
export const readingsWithin = async (
  series: string,
  { fromMillis, toMillis }: Span,
): Promise<readonly ReadingRow[]> => {
  const found: ReadingRow[] = []
  let after: string | undefined
  do {
    const { rows, next }: Page<ReadingRow> = await page(
      {
        table,
        partition: { name: 'series', value: series },
        sortKeyName: 'reading_key',
        // The end is no key: those of that instant have their probe behind it.
        between: [timeKeyOf(fromMillis), timeKeyOf(toMillis)],
        limit: rowsOfRead,
        ...(after === undefined ? {} : { after: { series, reading_key: after } }),
      },
      readingRowOf,
    )
    found.push(...rows)
    after = next
  } while (after !== undefined)
  return found
}

/** Only in the place of the one that was read (undefined: none). */
export const readingPut = (row: ReadingRow, read: ReadingRow | undefined): Write => ({
  kind: 'put',
  table,
  item: {
    series: row.series,
    reading_key: readingKeyOf(row),
    probe: row.probe,
    at_millis: row.atMillis,
    holds_seconds: row.holdsSeconds,
    available_units: row.availableUnits,
    degraded_units: row.degradedUnits,
    latency_nanos: row.latencyNanos,
    revision: row.revision,
    received_at_millis: row.receivedAtMillis,
    expires_at: Math.floor(row.receivedAtMillis / 1_000) + keptSeconds,
  },
  onlyIf: { revision: read?.revision },
})

/** Also for images of the table's stream. */
export const readingRowOf = (item: Item): ReadingRow => ({
  series: text(item, 'series'),
  probe: text(item, 'probe'),
  atMillis: integer(item, 'at_millis'),
  holdsSeconds: integer(item, 'holds_seconds'),
  availableUnits: integer(item, 'available_units'),
  degradedUnits: integer(item, 'degraded_units'),
  latencyNanos: listOf(item, 'latency_nanos').map(Number),
  revision: integer(item, 'revision'),
  receivedAtMillis: integer(item, 'received_at_millis'),
})
