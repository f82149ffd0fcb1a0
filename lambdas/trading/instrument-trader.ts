import { getInstrument } from '#adapters/tables/instruments.ts'
import type { Principal } from '../shell/http.ts'
import { tenantLanes, tradesInSeveralLanes } from '../shell/lanes.ts'
import { type Trader, traderAbroad, traderOf } from './trader.ts'

/** Where the instrument is listed, if the account has joined that lane; at home otherwise, where it is refused. */
export const traderFor = async (principal: Principal, instrumentName: string): Promise<Trader | undefined> => {
  const home = await traderOf(principal)
  return home && traderFrom(home, instrumentName)
}

export const traderFrom = async (home: Trader, instrumentName: string): Promise<Trader> => {
  if (!tradesInSeveralLanes()) return home
  if ((await getInstrument(home.lane, instrumentName)) !== undefined) return home
  for (const lane of tenantLanes()) {
    if (lane === home.lane || (await getInstrument(lane, instrumentName)) === undefined) continue
    const abroad = await traderAbroad(home, lane)
    if (abroad !== undefined) return abroad
  }
  return home
}
