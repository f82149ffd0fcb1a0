import { listContracts } from '#adapters/tables/partner-contracts.ts'
import type { listPartnerContracts } from '#protocol/operations/partners.ts'
import { commandId } from '#protocol/values.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { contractView } from './partner-views.ts'

const defaultLimit = 100

export const handle: Handle<typeof listPartnerContracts> = async ({ query, principal }) => {
  const scope = cursorScope('list-partner-contracts', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, commandId)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await listContracts(query.holder === 'shared' ? 'shared' : { account: principal.account }, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  return {
    status: 200,
    body: { data: rows.map(contractView), next_cursor: next === undefined ? null : encodeCursor(scope, next) },
  }
}
