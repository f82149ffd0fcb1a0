import { getAccount } from '#adapters/tables/accounts.ts'
import * as positions from '#adapters/tables/positions.ts'
import type { listPositions } from '#protocol/operations/ledger.ts'
import { instrumentName } from '#protocol/values.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { positionDecimals } from './position-view.ts'

const defaultLimit = 100

export const handle: Handle<typeof listPositions> = async ({ query, principal }) => {
  const account = await getAccount(principal.account)
  if (account?.accountState !== 'open' || account.accountId === undefined) return { code: 'account-not-open' }
  const scope = cursorScope('list-positions', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, instrumentName)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await positions.listPositions(account.accountId, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
    ...(query.instrument_name === undefined ? {} : { instrumentName: query.instrument_name }),
  })
  return {
    status: 200,
    body: {
      data: rows.map(row => ({
        instrument_name: row.instrumentName,
        direction: row.sizeLots === 0 ? 'zero' : row.sizeLots > 0 ? 'buy' : 'sell',
        ...positionDecimals(row),
        last_update_timestamp: new Date(row.updatedAtMillis).toISOString(),
      })),
      next_cursor: next === undefined ? null : encodeCursor(scope, next),
    },
  }
}
