import type { AccountRisk } from '#domain/margin/account-risk.ts'
import { satelliteIn } from '../ledger/satellite.ts'
import { tenantLanes, tradesInSeveralLanes } from '../shell/lanes.ts'
import type { Trader } from '../trading/trader.ts'
import { readAccountState } from './account-state.ts'
import { rememberedEpochInForce, type StoredEpoch } from './epoch-in-force.ts'

/** What an account has in one of its lanes, and the epoch that it is valued by there. */
export interface AccountInLane {
  readonly lane: number
  readonly accountId: number
  readonly rows: AccountRisk
  readonly epoch: StoredEpoch | undefined
}

/** Lane by lane, its home first; in the one that is named only. None where it does not trade there. Lanes are not of one moment. */
export const readInLanes = async (home: Trader, lane: number | undefined): Promise<readonly AccountInLane[]> =>
  Promise.all((await tradersIn(home, lane)).map(readInLane))

const tradersIn = async (home: Trader, lane: number | undefined): Promise<readonly Trader[]> => {
  if (lane === home.lane) return [home]
  const others = tradesInSeveralLanes() ? tenantLanes().filter(other => other !== home.lane) : []
  const asked = lane === undefined ? others : others.filter(other => other === lane)
  // Once it is open its main account's orders go there.
  const abroad = await Promise.all(asked.map(other => satelliteIn(home.account, other)))
  return [...(lane === undefined ? [home] : []), ...abroad.filter(trader => trader !== undefined)]
}

const readInLane = async ({ lane, accountId }: Trader): Promise<AccountInLane> => {
  const [{ rows }, epoch] = await Promise.all([readAccountState(lane, accountId), rememberedEpochInForce(lane)])
  return { lane, accountId, rows, epoch }
}
