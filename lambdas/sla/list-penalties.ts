import * as z from 'zod'
import { type PenaltyEntryRow, penaltyEntriesPage } from '#adapters/tables/sla-penalties.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { listPenalties, penaltyEntry } from '#protocol/operations/sla.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { visibleContract } from './contract-view.ts'
import { entryId } from './entry-id.ts'

const defaultLimit = 100
const entryKey = z.string().regex(/^[0-9]{4}-[0-9]{2}#[0-9]{6}#[0-9]{2}$/)

export const handle: Handle<typeof listPenalties> = async ({ path, query, principal }) => {
  const contract = await visibleContract(path.contract_id, principal)
  if (contract === undefined) return { code: 'not-found' }
  const scope = cursorScope('list-penalties', principal.account, query, path)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, entryKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await penaltyEntriesPage(contract.contractId, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  return {
    status: 200,
    body: { data: rows.map(entryOf), next_cursor: next === undefined ? null : encodeCursor(scope, next) },
  }
}

const entryOf = (row: PenaltyEntryRow): z.infer<typeof penaltyEntry> => ({
  entry_id: entryId(row.contractId, row),
  contract_id: row.contractId,
  month: row.month,
  version: row.version,
  leg: row.leg,
  entry_kind: row.kind,
  reverses_version: row.reversesVersion ?? null,
  account: row.account,
  amount: decimalOfMicros(row.amountMicros),
  timestamp: new Date(row.postedAtMillis).toISOString(),
})
