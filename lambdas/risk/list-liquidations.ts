import * as z from 'zod'
import * as liquidations from '#adapters/tables/liquidations.ts'
import type { listLiquidations } from '#protocol/operations/liquidation.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { askedLane } from '../supervision/asked-lane.ts'
import { traderOf } from '../trading/trader.ts'
import { liquidationView } from './liquidation-view.ts'

const defaultLimit = 100

export const handle: Handle<typeof listLiquidations> = async ({ query, principal }) => {
  const scope = cursorScope('list-liquidations', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, startedKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const options = { limit: query.limit ?? defaultLimit, ...(after === undefined ? {} : { after }) }
  const page = await (async () => {
    if (principal.permissions.includes('risk:read-any')) {
      const asked = askedLane(query.lane)
      return 'code' in asked ? asked : liquidations.liquidationsOfLane(asked.lane, options)
    }
    const own = await traderOf(principal)
    if (own === undefined) return { code: 'account-not-open' as const }
    return liquidations.liquidationsOfAccount(own.lane, own.accountId, options)
  })()
  if ('code' in page) return page
  const { rows, next } = page
  return {
    status: 200,
    body: {
      data: await Promise.all(rows.map(liquidationView)),
      next_cursor: next === undefined ? null : encodeCursor(scope, next),
    },
  }
}

/** An instant and an id. */
const startedKey = z.string().regex(/^[0-9TZ:.-]{24}#[0-9a-f-]{36}$/)
