import { parametersAt } from '#adapters/tables/parameters.ts'
import type { listListingGrids } from '#protocol/operations/reference.ts'
import type { Handle } from '../shell/http.ts'
import { gridVersionOf } from './listing-grid-view.ts'

export const handle: Handle<typeof listListingGrids> = async () => ({
  status: 200,
  body: { data: (await parametersAt('grid', Date.now())).map(gridVersionOf) },
})
