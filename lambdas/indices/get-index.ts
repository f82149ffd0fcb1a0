import { lastFixing } from '#adapters/tables/fixings.ts'
import { listIndexQuotes } from '#adapters/tables/index-quotes.ts'
import { parameterVersions } from '#adapters/tables/parameters.ts'
import { versionAt } from '#domain/reference/index-method.ts'
import type { getIndex } from '#protocol/operations/indices.ts'
import type { Handle } from '../shell/http.ts'
import { indexVersionOf, levelNow } from '../shell/index-level.ts'
import { fixingOf, inputOf, levelOf, versionOf } from './index-view.ts'

export const handle: Handle<typeof getIndex> = async ({ path }) => {
  const nowMillis = Date.now()
  const [rows, quotes, last] = await Promise.all([
    parameterVersions('index', path.index),
    listIndexQuotes(path.index),
    lastFixing(path.index, nowMillis),
  ])
  if (rows.length === 0) return { code: 'unknown-index' }
  const holding = versionAt(rows, nowMillis)
  const now = holding === undefined ? undefined : await levelNow(indexVersionOf(holding), quotes, nowMillis)
  return {
    status: 200,
    body: {
      index: path.index,
      ...levelOf(now?.level, holding !== undefined),
      inputs: (now?.inputs ?? []).map(inputOf),
      method: holding === undefined ? null : versionOf(holding),
      versions: rows.map(versionOf),
      last_fixing: last === undefined ? null : fixingOf(last),
    },
  }
}
