import { getLiquidationEvent } from '#adapters/tables/liquidations.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { answerWithinMillis, sendOnce } from '../shell/send-once.ts'
import type { Ask } from './liquidation-step.ts'

/** What a command came to, with what it says about the liquidation. */
export const askEngine: Ask = async (lane, command, liquidationId, polls) => {
  const { commandId: id } = command
  const outcome = await sendOnce(lane, command, () => getOutcome(id), answerWithinMillis(polls))
  if (outcome === undefined) return undefined
  const { eventId, atMillis } = outcome
  if (!outcome.accepted) {
    if (outcome.code === undefined) throw new Error(`the command ${id} was refused without a reason`)
    return { accepted: false, code: outcome.code, eventId, atMillis }
  }
  const event = await getLiquidationEvent(liquidationId, id)
  if (event === undefined) throw new Error(`what came of the command ${id} is not in the table`)
  return { accepted: true, ...event }
}
