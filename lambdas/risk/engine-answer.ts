import { putCommands } from '#adapters/streams/orders.ts'
import { getLiquidationEvent } from '#adapters/tables/liquidations.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { pollUntil } from '../shell/wait.ts'
import type { Ask } from './liquidation-step.ts'

/** The first time; an engine that has not answered by then is asked again by the workflow, after a pause. */
const answersWithinMillis = 5_000
const repeatedWithinMillis = 250

/** The engine takes a command once; one whose outcome is known already is not sent again. */
export const askEngine: Ask = async (lane, command, liquidationId, polls) => {
  const { commandId: id } = command
  let outcome = await getOutcome(id)
  if (outcome === undefined) {
    await putCommands(lane, [command])
    const withinMillis = polls === 0 ? answersWithinMillis : repeatedWithinMillis
    outcome = await pollUntil(() => getOutcome(id), performance.now() + withinMillis)
  }
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
