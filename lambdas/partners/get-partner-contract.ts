import { getContract } from '#adapters/tables/partner-contracts.ts'
import type { getPartnerContract } from '#protocol/operations/partners.ts'
import type { Handle } from '../shell/http.ts'
import { contractView } from './partner-views.ts'

/** Another account's is none, unless it is open to all. */
export const handle: Handle<typeof getPartnerContract> = async ({ path, principal }) => {
  const row = await getContract(principal.account, path.contract_id)
  return row === undefined ? { code: 'not-found' } : { status: 200, body: contractView(row) }
}
