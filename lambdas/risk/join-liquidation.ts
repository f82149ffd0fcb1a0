import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './engine-answer.ts'
import { LiquidationError, liquidationStep, takeStep } from './liquidation-step.ts'

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
      if (!said.accepted) throw new LiquidationError('LiquidationRejected', said.code)
      return { next: 'plan', progress: { ...progress, joined: [...(progress.joined ?? []), at] } }
    },
  })
  return accept(answer)
})
