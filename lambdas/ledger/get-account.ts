import { getAccount as getAccountRow } from '#adapters/tables/accounts.ts'
import type { getAccount } from '#protocol/operations/ledger.ts'
import type { Handle } from '../shell/http.ts'
import { accountOf } from './account-view.ts'
import { actsFor } from './named-account.ts'

export const handle: Handle<typeof getAccount> = async ({ path, principal }) => {
  const row = await getAccountRow(path.account)
  // Another's account is for nobody to know: as if it were not there.
  return row === undefined || !actsFor(principal, row)
    ? { code: 'not-found' }
    : { status: 200, body: await accountOf(row) }
}
