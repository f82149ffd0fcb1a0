import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './engine-answer.ts'
import { LiquidationError, liquidationStep, takeStep } from './liquidation-step.ts'

const pauseMillis = 5_000

/** In another lane of the account: what it has there is liquidated with its home, by the same steps under the same id. */
export const handler = serveTask(liquidationStep, async input => {
  const answer = await takeStep(input, {
    kind: 'join',
    ask: askEngine,
    decide: async ({ liquidationId }, { at }, id) => {
      if (at === undefined) throw new Error('no lane is to be joined')
      return {
        numbers: { lane: at.lane },
        at,
        command: { type: 'join-liquidation', commandId: id, accountId: at.accountId, liquidationId },
      }
    },
    conclude: (_, { progress, at }, said) => {
      if (said === undefined || at === undefined) throw new Error('a lane joins by a command')
      if (said.accepted) return { next: 'plan', progress: { ...progress, joined: [...(progress.joined ?? []), at] } }
      if (said.code !== 'liquidation-under-way') throw new LiquidationError('LiquidationRejected', said.code)
      // It was called by itself while its home did not answer: that ends, now that it does.
      const joinTries = (progress.joinTries ?? 0) + 1
      return { next: 'plan', nextAtMillis: Date.now() + pauseMillis, progress: { ...progress, joinTries } }
    },
  })
  return accept(answer)
})
