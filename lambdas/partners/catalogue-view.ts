import type * as z from 'zod'
import { type CatalogueRow, countsOf, getCatalogueInForce } from '#adapters/tables/partner-catalogues.ts'
import type { partnerCatalogue } from '#protocol/operations/partner-catalogues.ts'
import { instantOf } from './partner-views.ts'

export const catalogueView = async (row: CatalogueRow): Promise<z.infer<typeof partnerCatalogue>> => {
  const [received, inForce] = await Promise.all([countsOf(row), getCatalogueInForce(row.provider)])
  return {
    import_id: row.importId,
    provider: row.provider,
    catalogue_state: row.state,
    is_in_force: inForce?.importId === row.importId,
    file_name: row.fileName,
    expected: row.expected,
    received,
    started_at: instantOf(row.startedAtMillis),
    started_by: row.startedBy,
    completed_at: row.completedAtMillis === undefined ? null : instantOf(row.completedAtMillis),
  }
}
