import * as z from 'zod'
import { allocationsOfAccount } from '#adapters/tables/capacity-allocations.ts'
import type { listCapacityAllocations } from '#protocol/operations/capacity.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { allocationView } from './allocation-view.ts'

const defaultLimit = 100

export const handle: Handle<typeof listCapacityAllocations> = async ({ query, principal }) => {
  const scope = cursorScope('list-capacity-allocations', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, requestedKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await allocationsOfAccount(principal.account, {
    limit: query.limit ?? defaultLimit,
    state: query.allocation_state,
    service: query.service,
    ...(after === undefined ? {} : { after }),
  })
  return {
    status: 200,
    body: { data: rows.map(allocationView), next_cursor: next === undefined ? null : encodeCursor(scope, next) },
  }
}

/** An instant and an id. */
const requestedKey = z.string().regex(/^[0-9TZ:.-]{24}#[0-9a-f-]{36}$/)
