import { getBook } from '#adapters/tables/books.ts'
import { getMark } from '#adapters/tables/marks.ts'
import * as positions from '#adapters/tables/positions.ts'
import { contributionsOf, unrealisedMicros, type ValuedAccount } from '#domain/margin/account-risk.ts'
import { decimal, decimalOfMicros } from '#domain/units.ts'
import type { listPositions } from '#protocol/operations/ledger.ts'
import { instrumentName } from '#protocol/values.ts'
import { valuedAccount } from '../risk/valued-account.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { namedAccount } from './named-account.ts'
import { positionDecimals } from './position-view.ts'

const defaultLimit = 100

export const handle: Handle<typeof listPositions> = async ({ query, principal }) => {
  const account = await namedAccount(principal, query.account ?? principal.account)
  if (account === undefined) return { code: query.account === undefined ? 'account-not-open' : 'not-found' }
  const { accountId, lane } = account
  const scope = cursorScope('list-positions', account.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, instrumentName)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows: all, next } = await positions.listPositions(accountId, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
    ...(query.instrument_name === undefined ? {} : { instrumentName: query.instrument_name }),
  })
  // Assets that secure others are told by themselves: GET /api/v1/collateral.
  const rows = all.filter(({ isCollateral }) => isCollateral !== true)
  const valued = rows.some(({ sizeLots }) => sizeLots !== 0) ? await valuedAccount(lane, accountId) : undefined
  const contributions = valued === undefined ? undefined : contributionsOf(valued)
  const data = await Promise.all(
    rows.map(async row => ({
      instrument_name: row.instrumentName,
      direction: row.sizeLots === 0 ? ('zero' as const) : row.sizeLots > 0 ? ('buy' as const) : ('sell' as const),
      ...positionDecimals(row),
      ...(row.sizeLots === 0 ? closed : await marked(row, valued)),
      margin_contribution: decimalOfMicros(contributions?.get(row.instrumentId) ?? 0),
      last_update_timestamp: new Date(row.updatedAtMillis).toISOString(),
    })),
  )
  return { status: 200, body: { data, next_cursor: next === undefined ? null : encodeCursor(scope, next) } }
}

/** What is not held any more is worth nothing to anybody here. */
const closed = { mark_price: null, unrealized_profit_loss: null, greeks: null }

const marked = async (row: positions.PositionRow, valued: ValuedAccount | undefined) => {
  const mark = await getMark(row.lane, row.instrumentId)
  // Where nothing marks by itself an operator may have.
  const markTicks = mark?.markTicks ?? (await getBook(row.lane, row.instrumentId))?.market.markTicks ?? 0
  const greeks = mark?.greeks
  const told =
    greeks === undefined ? null : { delta: greeks.delta, gamma: greeks.gamma, vega: greeks.vega, theta: greeks.theta }
  if (markTicks === 0) return { ...closed, greeks: told }
  const held = valued?.rows.positions.find(({ instrument }) => instrument.instrumentId === row.instrumentId)
  return {
    mark_price: decimal(markTicks, row.tickSize),
    unrealized_profit_loss:
      held === undefined ? null : decimalOfMicros(unrealisedMicros({ ...row, instrument: held.instrument }, markTicks)),
    greeks: told,
  }
}
