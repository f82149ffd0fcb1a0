import { answeredCallPut } from '#adapters/tables/margin-calls.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './engine-answer.ts'
import { isTakenOver, LiquidationError, liquidationStep, takeStep } from './liquidation-step.ts'

/** What is projected may lag behind what the engine knows. */
const pauseMillis = 5_000

/**
 * The engine says whether it is over: where it still finds the account short, it is planned anew. Its home decides for all its
 * lanes, since what any of them lacks is lacking there; the others are let go after it.
 */
export const handler = serveTask(liquidationStep, async input => {
  const answer = await takeStep(input, {
    kind: 'end',
    ask: askEngine,
    decide: async (head, { ended, joined: [next = head] = [] }, id) => {
      const { lane, accountId } = ended === undefined ? head : next
      const { liquidationId, equityMicros, requirementMicros } = head
      return {
        numbers: { lane, equityMicros, requirementMicros },
        at: { lane, accountId },
        command: { type: 'end-liquidation', commandId: id, liquidationId, accountId },
      }
    },
    conclude: ({ lane, accountId, liquidationId }, { progress }, said) => {
      if (said === undefined) throw new Error('a liquidation is ended by a command')
      if (!said.accepted && !isTakenOver(said)) {
        if (said.code !== 'still-under-margin-call') throw new LiquidationError('LiquidationRejected', said.code)
        const next = { ...progress, endTries: progress.endTries + 1 }
        return { next: 'plan', nextAtMillis: Date.now() + pauseMillis, progress: next }
      }
      const { joined = [] } = progress
      const { eventId, atMillis } = said
      const ended = progress.ended ?? { eventId, atMillis }
      const left = progress.ended === undefined ? joined : joined.slice(1)
      if (left.length > 0) return { next: 'end', progress: { ...progress, ended, joined: left } }
      return {
        next: 'done',
        progress,
        head: { state: 'ended', endedAtMillis: ended.atMillis },
        more: [answeredCallPut({ lane, accountId, liquidationId, isOver: true, overEventId: ended.eventId })],
      }
    },
  })
  return accept(answer)
})
