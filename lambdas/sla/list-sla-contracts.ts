import * as z from 'zod'
import { slaContractsPage } from '#adapters/tables/sla-contracts.ts'
import type { listSlaContracts } from '#protocol/operations/sla.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { contractOf, seesAllContracts } from './contract-view.ts'

const defaultLimit = 100
const contractKey = z.string().regex(/^[0-9a-f-]{36}$/)

export const handle: Handle<typeof listSlaContracts> = async ({ query, principal }) => {
  const scope = cursorScope('list-sla-contracts', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, contractKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await slaContractsPage(seesAllContracts(principal) ? 'all' : { account: principal.account }, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  return {
    status: 200,
    body: { data: rows.map(contractOf), next_cursor: next === undefined ? null : encodeCursor(scope, next) },
  }
}
