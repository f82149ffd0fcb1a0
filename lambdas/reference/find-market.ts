import { getInstrument, type InstrumentRow } from '#adapters/tables/instruments.ts'
import { tenantLanes } from '../shell/lanes.ts'

/** In whichever lane it trades. */
export const findMarket = async (instrumentName: string): Promise<InstrumentRow | undefined> => {
  for (const lane of tenantLanes()) {
    const row = await getInstrument(lane, instrumentName)
    if (row !== undefined) return row
  }
  return undefined
}
