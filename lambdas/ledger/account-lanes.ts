import { type AccountRow, getAccount } from '#adapters/tables/accounts.ts'
import { type LaneBudgetRow, laneCreditIn, valueAccount } from '#domain/margin/account-risk.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { accountInLane } from '#protocol/account-lanes.ts'
import type { AccountLane } from '#protocol/operations/ledger.ts'
import { readAccountState } from '../risk/account-state.ts'
import { rememberedEpochInForce } from '../risk/epoch-in-force.ts'
import { tenantLanes, tradesInSeveralLanes } from '../shell/lanes.ts'
import { firmOf } from './account-view.ts'
import { cashOnItsWay } from './lane-cash.ts'
import { openAccountOf } from './named-account.ts'

/** Of a home, and of a lane until it is joined. */
export const nothingGranted = { granted_least: null, granted_most: null, used: null, incoming: null, outgoing: null }

/**
 * Where the account trades, its home first: what each other lane may go by, and what of it its positions and orders use.
 * The same for what it is called in another lane.
 */
export const lanesOfAccount = async (row: AccountRow): Promise<readonly AccountLane[]> => {
  const main = row.account === accountInLane(firmOf(row), row.lane) ? await getAccount(firmOf(row)) : undefined
  const home = main ?? row
  const atHome: AccountLane = {
    lane: home.lane,
    account: home.account,
    lane_role: 'home',
    lane_state: 'joined',
    ...nothingGranted,
  }
  if (!tradesInSeveralLanes() || firmOf(home) !== home.account) return [atHome]
  const others = tenantLanes().filter(lane => lane !== home.lane)
  const rows = await Promise.all(others.map(lane => satelliteOf(home, lane)))
  return [atHome, ...(await Promise.all(rows.flatMap(row => (row === undefined ? [] : [laneOf(home, row)]))))]
}

/** Undefined where the lane was not joined, or the name is that of another account. */
export const satelliteOf = async (home: AccountRow, lane: number): Promise<AccountRow | undefined> => {
  const row = await getAccount(accountInLane(home.account, lane))
  return row !== undefined && row.lane === lane && firmOf(row) === home.account ? row : undefined
}

const laneOf = async (home: AccountRow, row: AccountRow): Promise<AccountLane> => {
  const own = { lane: row.lane, account: row.account, lane_role: 'satellite' as const }
  const open = openAccountOf(row)
  if (open === undefined) return { ...own, lane_state: 'opening', ...nothingGranted }
  const [{ rows }, inForce] = await Promise.all([
    readAccountState(open.lane, open.accountId),
    rememberedEpochInForce(open.lane),
  ])
  if (rows.laneBudget === undefined) return { ...own, lane_state: 'joining', ...nothingGranted }
  const { laneBudget, ...alone } = rows
  const main = openAccountOf(home)
  const cash = main === undefined ? undefined : await cashOnItsWay(main, open)
  const { figures, epoch } = valueAccount(alone, inForce)
  const granted = laneCreditIn(laneBudget satisfies LaneBudgetRow, epoch) ?? []
  return {
    ...own,
    lane_state: 'joined',
    granted_least: decimalOfMicros(Math.min(...granted)),
    granted_most: decimalOfMicros(Math.max(...granted)),
    used: decimalOfMicros(Math.max(0, figures.requirementMicros - figures.equityMicros)),
    incoming: decimalOfMicros(cash?.toMicros ?? 0),
    outgoing: decimalOfMicros(cash?.fromMicros ?? 0),
  }
}
