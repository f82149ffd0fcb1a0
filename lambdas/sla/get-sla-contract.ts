import type { getSlaContract } from '#protocol/operations/sla.ts'
import type { Handle } from '../shell/http.ts'
import { contractOf, visibleContract } from './contract-view.ts'

export const handle: Handle<typeof getSlaContract> = async ({ path, principal }) => {
  const row = await visibleContract(path.contract_id, principal)
  return row === undefined ? { code: 'not-found' } : { status: 200, body: contractOf(row) }
}
