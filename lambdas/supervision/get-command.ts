import { findByCommandId } from '#adapters/tables/commands.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import type { getCommand } from '#protocol/operations/supervision.ts'
import { commandOutcomeOf } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'

/** Operations whose outcome is that a command was done or refused. Others make things that are read by themselves. */
const operations: ReadonlySet<string> = new Set([
  'set-protection',
  'reset-protection',
  'set-dead-man',
  'kill-own-account',
  'set-kill-switch',
  'set-market-state',
  'set-market-controls',
  'set-mark-price',
  'activate-engine-version',
  'delist-instrument',
  'transfer-cash',
  'move-collateral',
])

export const handle: Handle<typeof getCommand> = async ({ path, principal }) => {
  const promised = await findByCommandId(principal.account, path.command_id)
  if (promised === undefined || !operations.has(promised.operation)) return { code: 'not-found' }
  return { status: 200, body: commandOutcomeOf(promised, await getOutcome(promised.commandId)) }
}
