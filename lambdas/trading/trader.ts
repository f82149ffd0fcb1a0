import { getAccount } from '#adapters/tables/accounts.ts'
import type { Principal } from '../shell/http.ts'

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
