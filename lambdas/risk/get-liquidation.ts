import * as z from 'zod'
import { listLiquidationSteps } from '#adapters/tables/liquidations.ts'
import type { getLiquidation } from '#protocol/operations/liquidation.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { knownLiquidation } from './known-liquidation.ts'
import { liquidationView, stepView } from './liquidation-view.ts'

const defaultLimit = 100

export const handle: Handle<typeof getLiquidation> = async ({ path, query, principal }) => {
  const { liquidation_id: liquidationId } = path
  const scope = cursorScope('get-liquidation', principal.account, query, path)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, z.int().min(1).max(999_998))
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const row = await knownLiquidation(liquidationId, principal)
  if (row === undefined) return { code: 'not-found' }
  const { rows, next } = await listLiquidationSteps(liquidationId, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  const last = rows.at(-1)
  return {
    status: 200,
    body: {
      ...(await liquidationView(row)),
      steps: rows.map(stepView),
      next_cursor: next === undefined || last === undefined ? null : encodeCursor(scope, last.step),
    },
  }
}
