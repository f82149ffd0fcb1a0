import { getInstrument } from '#adapters/tables/instruments.ts'
import type { getMarket } from '#protocol/operations/reference.ts'
import type { Handle } from '../shell/http.ts'
import { tenantLanes } from '../shell/lanes.ts'
import { marketOf } from './market-view.ts'

export const handle: Handle<typeof getMarket> = async ({ path }) => {
  for (const lane of tenantLanes()) {
    const row = await getInstrument(lane, path.instrument_name)
    if (row !== undefined) return { status: 200, body: marketOf(row) }
  }
  return { code: 'not-found' }
}
