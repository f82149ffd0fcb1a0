import * as z from 'zod'
import { fixingsPage } from '#adapters/tables/fixings.ts'
import { parameterVersions } from '#adapters/tables/parameters.ts'
import type { listFixings } from '#protocol/operations/indices.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { fixingOf } from './index-view.ts'

const defaultLimit = 100

/** The instant of the last on the page. */
const fixingKey = z.int().positive()

export const handle: Handle<typeof listFixings> = async ({ path, query, principal }) => {
  const scope = cursorScope('list-fixings', principal.account, query, path)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, fixingKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  if ((await parameterVersions('index', path.index)).length === 0) return { code: 'unknown-index' }
  const ends = [query.to === undefined ? [] : Date.parse(query.to), after ?? []].flat()
  const { rows, next } = await fixingsPage(path.index, {
    limit: query.limit ?? defaultLimit,
    ...(query.from === undefined ? {} : { fromMillis: Date.parse(query.from) }),
    ...(ends.length === 0 ? {} : { toMillis: Math.min(...ends) - 1 }),
  })
  return {
    status: 200,
    body: { data: rows.map(fixingOf), next_cursor: next === undefined ? null : encodeCursor(scope, Number(next)) },
  }
}
