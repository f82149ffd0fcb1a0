import { listPurchases } from '#adapters/tables/partner-purchases.ts'
import type { listPartnerPurchases } from '#protocol/operations/partners.ts'
import { commandId } from '#protocol/values.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { purchaseView } from './partner-views.ts'

const defaultLimit = 100

export const handle: Handle<typeof listPartnerPurchases> = async ({ query, principal }) => {
  const scope = cursorScope('list-partner-purchases', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, commandId)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await listPurchases(principal.account, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  return {
    status: 200,
    body: { data: rows.map(purchaseView), next_cursor: next === undefined ? null : encodeCursor(scope, next) },
  }
}
