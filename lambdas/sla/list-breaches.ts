import * as z from 'zod'
import { breachesPage } from '#adapters/tables/sla-assessments.ts'
import type { listBreaches } from '#protocol/operations/sla.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { breachOf } from './breach-view.ts'
import { visibleContract } from './contract-view.ts'

const defaultLimit = 100
const assessmentKey = z.string().regex(/^[0-9]{4}-[0-9]{2}#[0-9]{6}$/)

export const handle: Handle<typeof listBreaches> = async ({ path, query, principal }) => {
  const contract = await visibleContract(path.contract_id, principal)
  if (contract === undefined) return { code: 'not-found' }
  const scope = cursorScope('list-breaches', principal.account, query, path)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, assessmentKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await breachesPage(contract.contractId, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  return {
    status: 200,
    body: {
      data: rows.map(row => breachOf(contract, row)),
      next_cursor: next === undefined ? null : encodeCursor(scope, next),
    },
  }
}
