import { findByCommandId } from '#adapters/tables/commands.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import type { getWithdrawal } from '#protocol/operations/ledger.ts'
import type { Handle } from '../shell/http.ts'
import { withdrawalOf } from './withdrawal-view.ts'

export const handle: Handle<typeof getWithdrawal> = async ({ path, principal }) => {
  const promised = await findByCommandId(principal.account, path.withdrawal_id.toLowerCase())
  if (promised?.operation !== 'withdraw-cash') return { code: 'not-found' }
  return { status: 200, body: withdrawalOf(promised, await getOutcome(promised.commandId)) }
}
