import { getAccount } from '#adapters/tables/accounts.ts'
import { accountInLane } from '#protocol/account-lanes.ts'
import type { Principal, Rejection } from '../shell/http.ts'
import { tenantLanes, tradesInSeveralLanes } from '../shell/lanes.ts'

/** The account of a credential, once it may trade. */
export interface Trader {
  readonly account: string
  readonly accountId: number
  readonly lane: number
}

/** An account that is open stays open, in its lane and under its number: it is read once a process. */
const open = new Map<string, Trader>()
const mostRemembered = 10_000

/** Undefined where the account was never opened, or is not yet. */
export const traderOf = async ({ account }: Pick<Principal, 'account'>): Promise<Trader | undefined> => {
  const known = open.get(account)
  if (known !== undefined) return known
  const row = await getAccount(account)
  if (row?.accountState !== 'open' || row.accountId === undefined) return undefined
  const trader = { account, accountId: row.accountId, lane: row.lane }
  if (open.size >= mostRemembered) open.clear()
  open.set(account, trader)
  return trader
}

/** The account of a credential in each lane where it trades, its home first; none where it is not open. */
export const tradersOf = async (principal: Principal): Promise<readonly Trader[]> => {
  const home = await traderOf(principal)
  if (home === undefined) return []
  const others = tradesInSeveralLanes() ? tenantLanes().filter(lane => lane !== home.lane) : []
  const abroad = await Promise.all(others.map(lane => traderAbroad(home, lane)))
  return [home, ...abroad.filter(trader => trader !== undefined)]
}

/** In a lane that it has joined; at home where none is named. */
export const traderIn = async (
  principal: Principal,
  lane: number | undefined,
  pointer: '#/lane' | '#/query/lane',
): Promise<Trader | Rejection<'account-not-open' | 'invalid-request'>> => {
  const lanes: readonly number[] = tenantLanes()
  if (lane !== undefined && !lanes.includes(lane))
    return { code: 'invalid-request', errors: [{ pointer, detail: `must be one of ${lanes.join(', ')}` }] }
  const home = await traderOf(principal)
  if (home === undefined || lane === undefined || lane === home.lane) return home ?? notOpen
  return (tradesInSeveralLanes() ? await traderAbroad(home, lane) : undefined) ?? notOpen
}

const notOpen = { code: 'account-not-open' } as const

/** In that lane, if the account has joined it. */
export const traderAbroad = async (home: Trader, lane: number): Promise<Trader | undefined> => {
  const trader = await traderOf({ account: accountInLane(home.account, lane) })
  return trader?.lane === lane ? trader : undefined
}

/** What one of an account's lanes knows, and which it is. */
export const findAmong = async <Found>(
  traders: readonly Trader[],
  find: (trader: Trader) => Promise<Found | undefined>,
): Promise<{ readonly trader: Trader; readonly found: Found } | undefined> => {
  for (const trader of traders) {
    const found = await find(trader)
    if (found !== undefined) return { trader, found }
  }
  return undefined
}
