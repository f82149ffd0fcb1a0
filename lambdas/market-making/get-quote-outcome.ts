import { findByCommandId } from '#adapters/tables/commands.ts'
import { getQuoteOutcome } from '#adapters/tables/quote-outcomes.ts'
import type { getQuoteOutcome as declared } from '#protocol/operations/market-making.ts'
import type { Handle } from '../shell/http.ts'
import { quoteOutcomeOf } from './quote-outcome-view.ts'

export const handle: Handle<typeof declared> = async ({ path, principal }) => {
  const promised = await findByCommandId(principal.account, path.command_id)
  if (promised?.operation !== 'put-quotes') return { code: 'not-found' }
  return { status: 200, body: await quoteOutcomeOf(promised, await getQuoteOutcome(promised.commandId)) }
}
