import { getAccount as getAccountRow } from '#adapters/tables/accounts.ts'
import type { getAccount } from '#protocol/operations/ledger.ts'
import { permits } from '#protocol/permissions.ts'
import type { Handle } from '../shell/http.ts'
import { accountOf } from './account-view.ts'

export const handle: Handle<typeof getAccount> = async ({ path, principal }) => {
  // Another's account is for nobody to know: as if it were not there.
  if (path.account !== principal.account && !permits(principal.role, 'accounts:open-any')) return { code: 'not-found' }
  const row = await getAccountRow(path.account)
  return row === undefined ? { code: 'not-found' } : { status: 200, body: await accountOf(row) }
}
