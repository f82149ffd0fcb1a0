import { findByCommandId } from '#adapters/tables/commands.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import type { getDeposit } from '#protocol/operations/ledger.ts'
import type { Handle } from '../shell/http.ts'
import { depositOf } from './deposit-view.ts'

export const handle: Handle<typeof getDeposit> = async ({ path, principal }) => {
  const promised = await findByCommandId(principal.account, path.deposit_id.toLowerCase())
  if (promised?.operation !== 'deposit-cash') return { code: 'not-found' }
  return { status: 200, body: depositOf(promised, await getOutcome(promised.commandId)) }
}
