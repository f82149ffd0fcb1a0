import { parameterVersions } from '#adapters/tables/parameters.ts'
import type { getListingGrid } from '#protocol/operations/reference.ts'
import type { Handle } from '../shell/http.ts'
import { gridVersionOf } from './listing-grid-view.ts'

export const handle: Handle<typeof getListingGrid> = async ({ path }) => {
  const versions = await parameterVersions('grid', path.grid)
  if (versions.length === 0) return { code: 'not-found' }
  // By the time from which they hold: the last that does.
  const inEffect = versions.findLast(({ effectiveMillis }) => effectiveMillis <= Date.now())
  return {
    status: 200,
    body: {
      grid: path.grid,
      in_effect: inEffect === undefined ? null : gridVersionOf(inEffect),
      versions: versions.map(gridVersionOf).reverse(),
    },
  }
}
