import * as z from 'zod'
import { lastAssessments } from '#adapters/tables/sla-assessments.ts'
import { getClosing, monthsPage } from '#adapters/tables/sla-months.ts'
import { uptimeOfWindows } from '#domain/pricing/availability.ts'
import { uptimePercent } from '#domain/sla/assessment.ts'
import { contractMonth } from '#domain/sla/sla-contract.ts'
import type { listUptimes } from '#protocol/operations/sla.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { visibleContract } from './contract-view.ts'

const defaultLimit = 100
const monthKey = z.string().regex(/^[0-9]{4}-[0-9]{2}$/)

export const handle: Handle<typeof listUptimes> = async ({ path, query, principal }) => {
  const contract = await visibleContract(path.contract_id, principal)
  if (contract === undefined) return { code: 'not-found' }
  const scope = cursorScope('list-uptimes', principal.account, query, path)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, monthKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { contractId } = contract
  const [{ rows, next }, closing, assessments] = await Promise.all([
    monthsPage(contractId, { limit: query.limit ?? defaultLimit, ...(after === undefined ? {} : { after }) }),
    getClosing(contractId),
    lastAssessments(contractId),
  ])
  const data = rows.map(row => {
    const { fromMillis, toMillis } = contractMonth(contract, row.month)
    const uptime = uptimeOfWindows([row], contract.degradedWeightPpm)
    if (!uptime.priced) throw new Error(`${contractId} ${row.month}: ${uptime.field} ${uptime.code}`)
    const assessed = assessments.get(row.month)
    const versionsDone = assessed === undefined ? 0 : assessed.version - (assessed.state === 'done' ? 0 : 1)
    return {
      month: row.month,
      from: new Date(fromMillis).toISOString(),
      to: new Date(toMillis).toISOString(),
      up_s: row.upSeconds,
      degraded_s: row.degradedSeconds,
      down_s: row.downSeconds,
      unknown_s: row.unknownSeconds,
      windows: row.windows,
      uptime_percent: uptimePercent(uptime.value),
      is_over: (closing?.closedMillis ?? 0) >= toMillis,
      assessed_version: versionsDone === 0 ? null : versionsDone,
    }
  })
  return { status: 200, body: { data, next_cursor: next === undefined ? null : encodeCursor(scope, next) } }
}
