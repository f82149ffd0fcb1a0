import * as z from 'zod'
import { listAuditRecords as list } from '#adapters/tables/audit.ts'
import { auditRecord, type listAuditRecords } from '#protocol/operations/security.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'

const defaultLimit = 100

const recordKey = z.strictObject({ number: z.int().min(1), id: z.string().min(1).max(1024) })

export const handle: Handle<typeof listAuditRecords> = async ({ query, principal }) => {
  const { date, limit = defaultLimit, cursor } = query
  const scope = cursorScope('list-audit-records', principal.account, query)
  const after = cursor === undefined ? undefined : decodeCursor(scope, cursor, recordKey)
  if (cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await list(date, { limit, ...(after === undefined ? {} : { after }) })
  const last = rows.at(-1)
  return {
    status: 200,
    body: {
      data: rows.map(({ text }) => auditRecord.parse(JSON.parse(text))),
      next_cursor:
        next === undefined || last === undefined ? null : encodeCursor(scope, { number: last.number, id: last.id }),
    },
  }
}
