import { putCommands } from '#adapters/streams/orders.ts'
import { getOutcome, type OutcomeRow } from '#adapters/tables/outcomes.ts'
import type { Command } from '#domain/trading/commands.ts'
import { pollUntil } from '../shell/wait.ts'

/** The first time; an engine that has not answered by then is asked again by the workflow, after a pause. */
const answersWithinMillis = 5_000
const repeatedWithinMillis = 250

/** The engine takes a command once; one whose outcome is known already is not sent again. Undefined: no answer yet. */
export const askEngine = async (
  lane: number,
  command: Exclude<Command, { readonly type: 'place-order' }>,
  polls: number,
): Promise<OutcomeRow | undefined> => {
  const known = await getOutcome(command.commandId)
  if (known !== undefined) return known
  await putCommands(lane, [command])
  const withinMillis = polls === 0 ? answersWithinMillis : repeatedWithinMillis
  return pollUntil(() => getOutcome(command.commandId), performance.now() + withinMillis)
}
