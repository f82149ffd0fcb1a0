import { getAccount, listAccountsOfFirm } from '#adapters/tables/accounts.ts'
import { withdrawableMicros } from '#domain/margin/account-risk.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { getOwnAccount } from '#protocol/operations/ledger.ts'
import { valuedAccount } from '../risk/valued-account.ts'
import type { Handle } from '../shell/http.ts'
import { lanesOfAccount } from './account-lanes.ts'
import { accountOf } from './account-view.ts'
import { actsFor, type OpenAccount, openAccountOf } from './named-account.ts'

const mostSubAccounts = 500

export const handle: Handle<typeof getOwnAccount> = async ({ query, principal }) => {
  const row = await getAccount(query.account ?? principal.account)
  if (query.account !== undefined && (row === undefined || !actsFor(principal, row))) return { code: 'not-found' }
  if (row === undefined) return { code: 'account-not-open' }
  const open = openAccountOf(row)
  const [account, risk, ofFirm, lanes] = await Promise.all([
    accountOf(row),
    open === undefined ? undefined : riskOf(open),
    listAccountsOfFirm(row.account, mostSubAccounts),
    lanesOfAccount(row),
  ])
  return {
    status: 200,
    body: {
      ...account,
      equity: risk?.equity ?? null,
      withdrawable: risk?.withdrawable ?? null,
      lanes: [...lanes],
      sub_accounts: ofFirm.rows
        .filter(each => each.account !== row.account)
        .map(each => ({ account: each.account, account_state: each.accountState, lane: each.lane })),
    },
  }
}

/** Before the first epoch of risk nothing says what positions are worth. */
const riskOf = async ({ lane, accountId }: OpenAccount) => {
  const valued = await valuedAccount(lane, accountId)
  return valued.epoch.version === 0
    ? undefined
    : {
        equity: decimalOfMicros(valued.figures.equityMicros),
        withdrawable: decimalOfMicros(withdrawableMicros(valued)),
      }
}
