import * as z from 'zod'
import { listExecutions } from '#adapters/tables/arbitrage-executions.ts'
import type { listArbitrageExecutions } from '#protocol/operations/arbitrage.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { executionView } from './arbitrage-view.ts'

const defaultLimit = 100

export const handle: Handle<typeof listArbitrageExecutions> = async ({ query, principal }) => {
  const scope = cursorScope('list-arbitrage-executions', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, createdKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await listExecutions(principal.account, {
    limit: query.limit ?? defaultLimit,
    ...(query.execution_state !== undefined && { state: query.execution_state }),
    ...(after !== undefined && { after }),
  })
  return {
    status: 200,
    body: { data: rows.map(executionView), next_cursor: next === undefined ? null : encodeCursor(scope, next) },
  }
}

/** An instant and an id. */
const createdKey = z.string().regex(/^[0-9TZ:.-]{24}#[0-9a-f-]{36}$/)
