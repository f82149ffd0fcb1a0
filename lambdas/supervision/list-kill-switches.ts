import * as z from 'zod'
import { accountNamed } from '#adapters/tables/account-numbers.ts'
import * as killSwitches from '#adapters/tables/kill-switches.ts'
import type { listKillSwitches } from '#protocol/operations/supervision.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { askedLane } from './asked-lane.ts'

const defaultLimit = 100

/** The sort key of the table, and its lane: a cursor of one lane is none of another. */
const switchKey = z.string().regex(/^(?:account#[0-9]{1,10}|firm#[A-Za-z0-9._@-]{1,64}|lane)$/)

export const handle: Handle<typeof listKillSwitches> = async ({ query, principal }) => {
  const asked = askedLane(query.lane)
  if ('code' in asked) return asked
  const { lane } = asked
  const scope = cursorScope('list-kill-switches', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, switchKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await killSwitches.listKillSwitches(lane, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  const data = await Promise.all(
    rows.map(async row => ({
      scope: row.scope,
      subject: await subjectOf(row),
      lane: row.lane,
      is_on: row.isOn,
      cancelled_orders: row.cancelledOrders,
      changed_at: new Date(row.changedAtMillis).toISOString(),
    })),
  )
  return { status: 200, body: { data, next_cursor: next === undefined ? null : encodeCursor(scope, next) } }
}

const subjectOf = async ({ scope, lane, accountId, firm }: killSwitches.KillSwitchRow): Promise<string> => {
  if (scope !== 'account') return scope === 'firm' ? firm : String(lane)
  const account = await accountNamed(lane, accountId)
  if (account === undefined) throw new Error(`the account ${accountId} of lane ${lane} has no name`)
  return account
}
