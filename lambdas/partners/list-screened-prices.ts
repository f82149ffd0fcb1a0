import * as z from 'zod'
import { getCatalogue } from '#adapters/tables/partner-catalogues.ts'
import * as offers from '#adapters/tables/partner-offers.ts'
import type { listScreenedPrices } from '#protocol/operations/partner-catalogues.ts'
import { cursorScope, decodeCursor, encodeCursor } from '../shell/cursor.ts'
import type { Handle } from '../shell/http.ts'

const defaultLimit = 100

export const handle: Handle<typeof listScreenedPrices> = async ({ path, query, principal }) => {
  const scope = cursorScope('list-screened-prices', principal.account, query, path)
  const after = query.cursor === undefined ? undefined : decodeCursor(scope, query.cursor, priceKey)
  if (query.cursor !== undefined && after === undefined) return { code: 'invalid-cursor' }
  if ((await getCatalogue(path.provider, path.import_id)) === undefined) return { code: 'not-found' }
  const { rows, next } = await offers.listScreenedPrices(path.import_id, {
    limit: query.limit ?? defaultLimit,
    ...(after === undefined ? {} : { after }),
  })
  return {
    status: 200,
    body: {
      data: rows.map(({ importId: _, ...told }) => told),
      next_cursor: next === undefined ? null : encodeCursor(scope, next),
    },
  }
}

/** A line and a pricing. */
const priceKey = z.string().regex(/^[0-9]{9}#.{1,40}$/)
