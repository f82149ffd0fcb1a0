import { findByCommandId } from '#adapters/tables/commands.ts'
import type { getCancellation } from '#protocol/operations/trading.ts'
import type { Handle } from '../shell/http.ts'
import { cancellationOf, cancellationOutcome } from './cancellation-view.ts'
import { traderOf } from './trader.ts'

export const handle: Handle<typeof getCancellation> = async ({ path, principal }) => {
  const trader = await traderOf(principal)
  if (trader === undefined) return { code: 'account-not-open' }
  const promised = await findByCommandId(trader.account, path.command_id)
  if (promised?.operation !== 'cancel-orders') return { code: 'not-found' }
  return { status: 200, body: cancellationOf(promised, await cancellationOutcome(promised.commandId)) }
}
