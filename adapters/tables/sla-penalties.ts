import type { PenaltyEntry } from '#domain/sla/penalty-ledger.ts'
import { tables } from '#protocol/tables.ts'
import { type Item, integer, oneOf, optional, text } from '../items.ts'
import { type Page, page } from '../pages.ts'
import type { Write } from '../writes.ts'

export interface PenaltyEntryRow extends PenaltyEntry {
  readonly contractId: string
  readonly postedAtMillis: number
}

const table = tables.slaPenalties
const kinds = ['penalty', 'reversal'] as const
const rowsOfRead = 500

export const entryKeyOf = ({ month, version, leg }: Pick<PenaltyEntry, 'month' | 'version' | 'leg'>): string =>
  `${month}#${String(version).padStart(6, '0')}#${String(leg).padStart(2, '0')}`

/** Only where no entry has its name: an entry is never changed. */
export const penaltyEntryPut = (row: PenaltyEntryRow): Write => ({
  kind: 'put',
  table,
  item: {
    contract_id: row.contractId,
    entry_key: entryKeyOf(row),
    month: row.month,
    version: row.version,
    leg: row.leg,
    entry_kind: row.kind,
    reverses_version: row.reversesVersion,
    account: row.account,
    amount_micros: row.amountMicros,
    posted_at_millis: row.postedAtMillis,
  },
  onlyIf: { entry_key: undefined },
})

/** All of a month, in the order in which they were posted. */
export const entriesOfMonth = async (contractId: string, month: string): Promise<readonly PenaltyEntryRow[]> => {
  const found: PenaltyEntryRow[] = []
  let after: string | undefined
  do {
    const { rows, next }: Page<PenaltyEntryRow> = await page(
      {
        ...partition(contractId),
        between: [`${month}#`, `${month}#~`],
        limit: rowsOfRead,
        ...(after === undefined ? {} : { after: { contract_id: contractId, entry_key: after } }),
      },
      rowOf,
    )
    found.push(...rows)
    after = next
  } while (after !== undefined)
  return found
}

/** The newest first. */
export const penaltyEntriesPage = (
  contractId: string,
  options: { readonly limit: number; readonly after?: string },
): Promise<Page<PenaltyEntryRow>> =>
  page(
    {
      ...partition(contractId),
      newestFirst: true,
      limit: options.limit,
      ...(options.after === undefined ? {} : { after: { contract_id: contractId, entry_key: options.after } }),
    },
    rowOf,
  )

const partition = (contractId: string) => ({
  table,
  partition: { name: 'contract_id', value: contractId },
  sortKeyName: 'entry_key',
})

const rowOf = (item: Item): PenaltyEntryRow => ({
  contractId: text(item, 'contract_id'),
  month: text(item, 'month'),
  version: integer(item, 'version'),
  leg: integer(item, 'leg'),
  kind: oneOf(item, 'entry_kind', kinds),
  ...optional('reversesVersion', item, 'reverses_version', integer),
  account: text(item, 'account'),
  amountMicros: integer(item, 'amount_micros'),
  postedAtMillis: integer(item, 'posted_at_millis'),
})
