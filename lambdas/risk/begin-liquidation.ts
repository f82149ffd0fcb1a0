import { answeredCallPut } from '#adapters/tables/margin-calls.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './engine-answer.ts'
import { LiquidationError, liquidationStep, takeStep } from './liquidation-step.ts'

/** Once the grace period is over: an account that has enough by then is left alone, whatever has helped it. */
export const handler = serveTask(liquidationStep, async input => {
  const answer = await takeStep(input, {
    kind: 'begin',
    ask: askEngine,
    decide: async ({ accountId, callEquityMicros, callRequirementMicros, epochVersion }, _, id) => ({
      numbers: { equityMicros: callEquityMicros, requirementMicros: callRequirementMicros, epochVersion },
      command: { type: 'begin-liquidation', commandId: id, accountId },
    }),
    conclude: ({ lane, accountId, liquidationId }, { progress }, said) => {
      if (said === undefined) throw new Error('a liquidation is begun by a command')
      const { atMillis } = said
      if (said.accepted) return { next: 'plan', progress, head: { state: 'running', begunAtMillis: atMillis } }
      // Of a satellite that is liquidated with its home by now, nothing is to be done here.
      if (said.code !== 'not-under-margin-call' && said.code !== 'liquidation-under-way')
        throw new LiquidationError('LiquidationRejected', said.code)
      return {
        next: 'done',
        progress,
        head: { state: 'recovered', endedAtMillis: atMillis },
        more: [answeredCallPut({ lane, accountId, liquidationId, isOver: true, overEventId: said.eventId })],
      }
    },
  })
  return accept(answer)
})
