import { answeredCallPut } from '#adapters/tables/margin-calls.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './engine-answer.ts'
import { LiquidationError, liquidationStep, takeStep } from './liquidation-step.ts'

/** What is projected may lag behind what the engine knows. */
const pauseMillis = 5_000

/**
 * The engine says whether it is over: where it still finds the account short, it is planned anew. Of an account that trades in
 * several lanes the home's is the last.
 */
export const handler = serveTask(liquidationStep, async input => {
  const answer = await takeStep(input, {
    kind: 'end',
    ask: askEngine,
    decide: async ({ lane, accountId, liquidationId, equityMicros, requirementMicros }, { joined = [] }, id) => {
      const at = joined.at(-1) ?? { lane, accountId }
      return {
        numbers: { lane: at.lane, equityMicros, requirementMicros },
        at,
        command: { type: 'end-liquidation', commandId: id, liquidationId, accountId: at.accountId },
      }
    },
    conclude: ({ lane, accountId, liquidationId }, { progress, at }, said) => {
      if (said === undefined) throw new Error('a liquidation is ended by a command')
      if (said.accepted && at !== undefined)
        return { next: 'end', progress: { ...progress, joined: (progress.joined ?? []).slice(0, -1) } }
      if (!said.accepted) {
        if (said.code !== 'still-under-margin-call') throw new LiquidationError('LiquidationRejected', said.code)
        const next = { ...progress, endTries: progress.endTries + 1 }
        return { next: 'plan', nextAtMillis: Date.now() + pauseMillis, progress: next }
      }
      return {
        next: 'done',
        progress,
        head: { state: 'ended', endedAtMillis: said.atMillis },
        more: [answeredCallPut({ lane, accountId, liquidationId, isOver: true, overEventId: said.eventId })],
      }
    },
  })
  return accept(answer)
})
