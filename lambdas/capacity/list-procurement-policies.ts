import { procurementPoliciesOf } from '#adapters/tables/procurement-policies.ts'
import type { listProcurementPolicies } from '#protocol/operations/capacity-forecasts.ts'
import { marketName } from '#protocol/operations/day-ahead.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { procurementPolicyView } from './procurement-policy-view.ts'

const defaultLimit = 100

export const handle: Handle<typeof listProcurementPolicies> = async ({ query, principal }) => {
  const scope = cursorScope('list-procurement-policies', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, marketName)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await procurementPoliciesOf(principal.account, query.limit ?? defaultLimit, after)
  return {
    status: 200,
    body: {
      data: rows.map(procurementPolicyView),
      next_cursor: next === undefined ? null : encodeCursor(scope, next),
    },
  }
}
