import * as z from 'zod'
import { measurementsPage } from '#adapters/tables/measurements.ts'
import type { listMeasurements } from '#protocol/operations/indices.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { windowOf } from './measurement-view.ts'

const defaultLimit = 100
const lastMillis = 253_402_300_800_000

/** Of the last window on the page: its beginning and its source. */
const windowKey = z.string().regex(/^[0-9]{15}#[A-Za-z0-9._@-]{1,64}$/)

export const handle: Handle<typeof listMeasurements> = async ({ path, query, principal }) => {
  const scope = cursorScope('list-measurements', principal.account, query, path)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, windowKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await measurementsPage(path.series, {
    fromMillis: query.from === undefined ? 0 : Date.parse(query.from),
    toMillis: query.to === undefined ? lastMillis : Date.parse(query.to),
    limit: query.limit ?? defaultLimit,
    after,
  })
  return {
    status: 200,
    body: { data: rows.map(windowOf), next_cursor: next === undefined ? null : encodeCursor(scope, next) },
  }
}
