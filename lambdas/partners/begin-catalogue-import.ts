import { v7 as uuidv7 } from 'uuid'
import { type CatalogueRow, catalogueOfRequest, putCatalogue } from '#adapters/tables/partner-catalogues.ts'
import type { beginCatalogueImport } from '#protocol/operations/partner-catalogues.ts'
import type { Handle } from '../shell/http.ts'
import { bodyHash } from '../shell/named-request.ts'
import { catalogueView } from './catalogue-view.ts'

export const handle: Handle<typeof beginCatalogueImport> = async ({ body, principal, idempotencyKey = '' }) => {
  const { provider, file_name: fileName, products, rows, screened } = body
  const requestName = `${principal.account}#${idempotencyKey}`
  const fresh: CatalogueRow = {
    provider,
    importId: uuidv7(),
    state: 'open',
    fileName,
    startedAtMillis: Date.now(),
    startedBy: principal.account,
    expected: { products, rows, screened },
    bodyHash: bodyHash(body),
  }
  const row = (await putCatalogue(fresh, requestName)) ? fresh : await catalogueOfRequest(provider, requestName)
  if (row === undefined) throw new Error(`the import that ${requestName} has begun is gone`)
  if (row.bodyHash !== fresh.bodyHash) return { code: 'idempotency-conflict' }
  return { status: 201, body: await catalogueView(row) }
}
