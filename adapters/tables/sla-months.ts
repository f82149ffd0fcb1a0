import type { MonthTotals } from '#domain/sla/assessment.ts'
import { tables } from '#protocol/tables.ts'
import { type Item, integer, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import { store, type Write } from '../writes.ts'

/** What the windows of a contract's month add up to; written with each of them. */
export interface MonthRow extends MonthTotals {
  readonly contractId: string
  readonly month: string
  /** Counts the changes, from 1. */
  readonly revision: number
  readonly changedAtMillis: number
}

/** How far the windows of a contract are closed. */
export interface ClosingRow {
  readonly contractId: string
  /** They are being closed up to there: whatever is measured of before is a correction from now on. */
  readonly closingMillis: number
  /** All that begin before are there. */
  readonly closedMillis: number
}

const table = tables.slaMonths
/** Sorts after every month. */
const closingKey = 'closing'
const firstMonth = '0000'
const monthsOfRead = 100

export const getMonth = async (contractId: string, month: string): Promise<MonthRow | undefined> => {
  const { rows } = await page({ ...partition(contractId), sortKey: month, limit: 1 }, rowOf)
  return rows[0]
}

/** The newest first. */
export const monthsPage = (
  contractId: string,
  options: { readonly limit: number; readonly after?: string },
): Promise<Page<MonthRow>> =>
  page(
    {
      ...partition(contractId),
      between: [firstMonth, '9999-99'],
      newestFirst: true,
      limit: options.limit,
      ...(options.after === undefined ? {} : { after: { contract_id: contractId, month: options.after } }),
    },
    rowOf,
  )

/** All that were begun: a contract lasts five years at most. */
export const allMonths = async (contractId: string): Promise<readonly MonthRow[]> =>
  (await monthsPage(contractId, { limit: monthsOfRead })).rows

/** Only in the place of the one that was read (undefined: none). */
export const monthPut = (row: MonthRow, read: MonthRow | undefined): Write => ({
  kind: 'put',
  table,
  item: {
    contract_id: row.contractId,
    month: row.month,
    windows: row.windows,
    up_seconds: row.upSeconds,
    degraded_seconds: row.degradedSeconds,
    down_seconds: row.downSeconds,
    unknown_seconds: row.unknownSeconds,
    revision: row.revision,
    changed_at_millis: row.changedAtMillis,
  },
  onlyIf: { revision: read?.revision },
})

export const getClosing = async (contractId: string): Promise<ClosingRow | undefined> => {
  const { rows } = await page({ ...partition(contractId), sortKey: closingKey, limit: 1 }, closingOf)
  return rows[0]
}

/** Only in the place of the one that was read (undefined: none). */
export const replaceClosing = (row: ClosingRow, read: ClosingRow | undefined): Promise<boolean> =>
  store({
    kind: 'put',
    table,
    item: {
      contract_id: row.contractId,
      month: closingKey,
      closing_millis: row.closingMillis,
      closed_millis: row.closedMillis,
    },
    onlyIf: { closing_millis: read?.closingMillis, closed_millis: read?.closedMillis },
  })

const partition = (contractId: string) => ({
  table,
  partition: { name: 'contract_id', value: contractId },
  sortKeyName: 'month',
})

const rowOf = (item: Item): MonthRow => ({
  contractId: text(item, 'contract_id'),
  month: text(item, 'month'),
  windows: integer(item, 'windows'),
  upSeconds: integer(item, 'up_seconds'),
  degradedSeconds: integer(item, 'degraded_seconds'),
  downSeconds: integer(item, 'down_seconds'),
  unknownSeconds: integer(item, 'unknown_seconds'),
  revision: integer(item, 'revision'),
  changedAtMillis: integer(item, 'changed_at_millis'),
})

const closingOf = (item: Item): ClosingRow => ({
  contractId: text(item, 'contract_id'),
  closingMillis: integer(item, 'closing_millis'),
  closedMillis: integer(item, 'closed_millis'),
})
