import { completeCatalogue, countsOf, getCatalogue } from '#adapters/tables/partner-catalogues.ts'
import type { completeCatalogueImport } from '#protocol/operations/partner-catalogues.ts'
import type { Handle } from '../shell/http.ts'
import { catalogueView } from './catalogue-view.ts'

export const handle: Handle<typeof completeCatalogueImport> = async ({ path }) => {
  const { provider, import_id: importId } = path
  const row = await getCatalogue(provider, importId)
  if (row === undefined) return { code: 'not-found' }
  if (row.state === 'completed') return { status: 200, body: await catalogueView(row) }
  const { expected } = row
  const received = await countsOf(row)
  if (
    received.products !== expected.products ||
    received.rows !== expected.rows ||
    received.screened !== expected.screened
  )
    return {
      code: 'catalogue-incomplete',
      detail: `${received.products} of ${expected.products} products, ${received.rows} of ${expected.rows} rows and ${received.screened} of ${expected.screened} screened prices have come.`,
    }
  await completeCatalogue(row, Date.now())
  const completed = await getCatalogue(provider, importId)
  if (completed === undefined) throw new Error(`the import ${importId} is gone`)
  return { status: 200, body: await catalogueView(completed) }
}
