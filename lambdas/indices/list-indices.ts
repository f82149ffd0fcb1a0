import { listIndexQuotes } from '#adapters/tables/index-quotes.ts'
import { parametersAt } from '#adapters/tables/parameters.ts'
import { indexName, type listIndices } from '#protocol/operations/indices.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { indexVersionOf, levelNow } from '../shell/index-level.ts'
import { levelOf } from './index-view.ts'

const defaultLimit = 100

export const handle: Handle<typeof listIndices> = async ({ query, principal }) => {
  const scope = cursorScope('list-indices', principal.account, query)
  const after = query.cursor === undefined ? '' : decodeCursor(scope, query.cursor, indexName)
  if (after === undefined) return { code: 'invalid-cursor' }
  const nowMillis = Date.now()
  const rows = (await parametersAt('index', nowMillis))
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .filter(({ name }) => name > after)
  const shown = rows.slice(0, query.limit ?? defaultLimit)
  const data = await Promise.all(
    shown.map(async row => {
      const method = indexVersionOf(row)
      const { level } = await levelNow(method, await listIndexQuotes(row.name), nowMillis)
      return {
        index: method.index,
        unit: method.unit,
        description: method.description,
        version: method.version,
        fixing_interval_ms: method.fixingIntervalMillis,
        ...levelOf(level),
      }
    }),
  )
  const last = shown.at(-1)
  const isEnd = last === undefined || shown.length === rows.length
  return { status: 200, body: { data, next_cursor: isEnd ? null : encodeCursor(scope, last.name) } }
}
