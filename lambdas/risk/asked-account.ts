import { getAccount } from '#adapters/tables/accounts.ts'
import { firmOf } from '../ledger/account-view.ts'
import type { Principal, Rejection } from '../shell/http.ts'
import { type Trader, traderOf } from '../trading/trader.ts'

/** Whether somebody may see what is not their own. */
export const seesAll = ({ permissions }: Principal): boolean => permissions.includes('risk:read-any')

/**
 * The account that a request is about: one's own unless told. Another one only for who answers for risk or owns its firm;
 * for anybody else it is as if it were not there.
 */
export const askedAccount = async (
  principal: Principal,
  account: string | undefined,
): Promise<Trader | Rejection<'account-not-open' | 'not-found'>> => {
  if (account === undefined || account === principal.account)
    return (await traderOf(principal)) ?? { code: 'account-not-open' }
  const row = await getAccount(account)
  if (row?.accountState !== 'open' || row.accountId === undefined) return { code: 'not-found' }
  if (!seesAll(principal) && firmOf(row) !== principal.account) return { code: 'not-found' }
  const { lane, accountId } = row
  return { account, accountId, lane }
}
