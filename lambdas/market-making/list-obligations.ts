import * as z from 'zod'
import { accountNamed } from '#adapters/tables/account-numbers.ts'
import { getLaneTime } from '#adapters/tables/lane-times.ts'
import { getObligationTerms } from '#adapters/tables/obligation-terms.ts'
import { latestQuotingDay } from '#adapters/tables/quoting-days.ts'
import { endOfDay, measuredUntil, type QuotingDay, wholeDay } from '#domain/trading/quoting-obligations.ts'
import { decimalRatio } from '#domain/units.ts'
import type { listObligations, obligation } from '#protocol/operations/market-making.ts'
import { findMarket } from '../reference/find-market.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { traderOf } from '../trading/trader.ts'
import { projectionName } from './projection-name.ts'

const defaultLimit = 100

/** Of the last on the page: the number of its account. */
const makerKey = z.int().min(1)

export const handle: Handle<typeof listObligations> = async ({ query, principal }) => {
  const scope = cursorScope('list-obligations', principal.account, query)
  const after = query.cursor === undefined ? 0 : decodeCursor(scope, query.cursor, makerKey)
  if (after === undefined) return { code: 'invalid-cursor' }
  const market = await findMarket(query.instrument_name)
  if (market === undefined)
    return { code: 'unknown-instrument', errors: [{ pointer: '#/query/instrument_name', detail: 'is not listed' }] }
  const { lane, instrument } = market
  const laneMillis = await getLaneTime(projectionName, lane)
  const dayMillis = Date.parse(query.date ?? new Date(Date.now()).toISOString().slice(0, 10))
  const day = await measuredOn(lane, instrument.instrumentId, dayMillis, laneMillis)
  if (day === undefined) return { status: 200, body: { data: [], next_cursor: null } }

  const seesAll = principal.permissions.includes('obligations:read-any')
  const own = seesAll ? undefined : await traderOf(principal)
  const makers = day.makers.filter(
    ({ accountId }) => accountId > after && (seesAll || (own?.lane === lane && own.accountId === accountId)),
  )
  const shown = makers.slice(0, query.limit ?? defaultLimit)
  const data = await Promise.all(
    shown.map(async ({ accountId, compliantMillis }): Promise<z.infer<typeof obligation>> => {
      const account = await accountNamed(lane, accountId)
      if (account === undefined) throw new Error(`the account ${accountId} of lane ${lane} has no name`)
      return {
        account,
        instrument_name: query.instrument_name,
        date: new Date(dayMillis).toISOString().slice(0, 10),
        measured_ms: day.measuredMillis,
        compliant_ms: compliantMillis,
        compliant_share: decimalRatio(compliantMillis, day.measuredMillis, '1') ?? null,
        measured_until: new Date(day.atMillis).toISOString(),
      }
    }),
  )
  const last = shown.at(-1)
  const isEnd = last === undefined || shown.length === makers.length
  return { status: 200, body: { data, next_cursor: isEnd ? null : encodeCursor(scope, last.accountId) } }
}

/** What the events up to the lane's time say of that day; undefined where nobody had quoted yet, or it has not begun. */
const measuredOn = async (
  lane: number,
  instrumentId: number,
  dayMillis: number,
  laneMillis: number,
): Promise<QuotingDay | undefined> => {
  if (dayMillis > laneMillis) return undefined
  const [row, { versions }] = await Promise.all([
    latestQuotingDay(lane, instrumentId, dayMillis),
    getObligationTerms(lane, instrumentId),
  ])
  if (row === undefined) return undefined
  // From its last change on it has stayed as it was: over the midnights since, and to the end of that day.
  const untilMillis = Math.min(laneMillis, endOfDay(dayMillis))
  return wholeDay(
    measuredUntil(row.day, Math.min(untilMillis, endOfDay(dayMillis) - 1), versions),
    untilMillis,
    versions,
  )
}
