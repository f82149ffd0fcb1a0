import { type AccountRow, getAccount } from '#adapters/tables/accounts.ts'
import type { Principal } from '../shell/http.ts'
import { firmOf } from './account-view.ts'

/** An account that the engine knows. */
export interface OpenAccount {
  readonly account: string
  readonly accountId: number
  readonly lane: number
  readonly firm: string
}

/** Whether a credential acts for an account: its own, those of its firm, or any. */
export const actsFor = (principal: Principal, row: AccountRow): boolean =>
  row.account === principal.account ||
  firmOf(row) === principal.account ||
  principal.permissions.includes('accounts:open-any')

/** Undefined where it is not open, and where it is nobody's business of whoever asks. */
export const namedAccount = async (principal: Principal, account: string): Promise<OpenAccount | undefined> => {
  const row = await getAccount(account)
  return row !== undefined && actsFor(principal, row) ? openAccountOf(row) : undefined
}

export const openAccountOf = (row: AccountRow): OpenAccount | undefined =>
  row.accountState === 'open' && row.accountId !== undefined
    ? { account: row.account, accountId: row.accountId, lane: row.lane, firm: firmOf(row) }
    : undefined
