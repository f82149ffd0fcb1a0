import { getOutcome } from '#adapters/tables/outcomes.ts'
import * as tradeBusts from '#adapters/tables/trade-busts.ts'
import { type listTradeBusts, tradeId } from '#protocol/operations/supervision.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { askedLane } from './asked-lane.ts'
import { tradeBustOf } from './trade-bust-view.ts'

const defaultLimit = 100

export const handle: Handle<typeof listTradeBusts> = async ({ query, principal }) => {
  const asked = askedLane(query.lane)
  if ('code' in asked) return asked
  const scope = cursorScope('list-trade-busts', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, tradeId)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await tradeBusts.listTradeBusts(asked.lane, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  const nowMillis = Date.now()
  const data = await Promise.all(
    rows.map(async row => {
      const outcome = row.approvedAtMillis === undefined ? undefined : await getOutcome(row.commandId)
      return tradeBustOf(row, outcome, nowMillis)
    }),
  )
  return { status: 200, body: { data, next_cursor: next === undefined ? null : encodeCursor(scope, next) } }
}
