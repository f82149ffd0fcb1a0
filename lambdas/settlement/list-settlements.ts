import * as z from 'zod'
import * as settlements from '#adapters/tables/settlements.ts'
import { type listSettlements, settlementsOfPage } from '#protocol/operations/settlement.ts'
import { findMarket } from '../reference/find-market.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { settlementOf } from './settlement-view.ts'

export const handle: Handle<typeof listSettlements> = async ({ path, query, principal }) => {
  const market = await findMarket(path.instrument_name)
  if (market === undefined) return { code: 'not-found' }
  const { lane, instrument } = market
  const { instrumentId } = instrument
  const scope = cursorScope('list-settlements', principal.account, query, path)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, settlementText)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await settlements.listSettlements(lane, instrumentId, {
    limit: query.limit ?? settlementsOfPage,
    ...(after === undefined ? {} : { after }),
  })
  return {
    status: 200,
    body: { data: rows.map(settlementOf), next_cursor: next === undefined ? null : encodeCursor(scope, next) },
  }
}

const settlementText = z.string().regex(/^(?:final|(?:leg|distribution|variation)#[0-9]{4,6})$/)
