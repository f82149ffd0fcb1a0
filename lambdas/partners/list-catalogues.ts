import * as z from 'zod'
import * as catalogues from '#adapters/tables/partner-catalogues.ts'
import type { listCatalogues } from '#protocol/operations/partner-catalogues.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'
import { catalogueView } from './catalogue-view.ts'

const defaultLimit = 20

export const handle: Handle<typeof listCatalogues> = async ({ query, principal }) => {
  const scope = cursorScope('list-catalogues', principal.account, query)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, importKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  const { rows, next } = await catalogues.listCatalogues(query.provider, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  return {
    status: 200,
    body: {
      data: await Promise.all(rows.map(catalogueView)),
      next_cursor: next === undefined ? null : encodeCursor(scope, next),
    },
  }
}

const importKey = z.string().regex(/^import#[0-9a-f-]{36}$/)
