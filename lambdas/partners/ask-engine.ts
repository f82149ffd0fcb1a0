import { getOutcome, type OutcomeRow } from '#adapters/tables/outcomes.ts'
import type { Command } from '#domain/trading/commands.ts'
import { answerWithinMillis, sendOnce } from '../shell/send-once.ts'

/** What a command came to. Undefined: no answer yet. */
export const askEngine = (
  lane: number,
  command: Exclude<Command, { readonly type: 'place-order' }>,
  polls: number,
): Promise<OutcomeRow | undefined> =>
  sendOnce(lane, command, () => getOutcome(command.commandId), answerWithinMillis(polls))
