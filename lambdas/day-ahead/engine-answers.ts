import { putCommands } from '#adapters/streams/orders.ts'
import { getOutcomes, type OutcomeRow } from '#adapters/tables/outcomes.ts'
import type { Command } from '#domain/trading/commands.ts'
import { pollUntil } from '../shell/wait.ts'

type Named = Extract<Command, { readonly commandId: string }>

const mostCommandsOfFrame = 500
const answersWithinMillis = 2_000

/**
 * What the engine has answered to each of the commands, all of them or undefined: those that nobody has answered are sent,
 * which it takes once however often, and waited for a little.
 */
export const answersOf = async (
  lane: number,
  commands: readonly Named[],
): Promise<ReadonlyMap<string, OutcomeRow> | undefined> => {
  const ids = commands.map(({ commandId }) => commandId)
  const known = await getOutcomes(ids)
  const unanswered = commands.filter(({ commandId }) => !known.has(commandId))
  if (unanswered.length === 0) return known
  for (let at = 0; at < unanswered.length; at += mostCommandsOfFrame)
    await putCommands(lane, unanswered.slice(at, at + mostCommandsOfFrame))
  const rest = unanswered.map(({ commandId }) => commandId)
  const told = await pollUntil(async () => {
    const outcomes = await getOutcomes(rest)
    return outcomes.size === rest.length ? outcomes : undefined
  }, performance.now() + answersWithinMillis)
  return told && new Map([...known, ...told])
}
