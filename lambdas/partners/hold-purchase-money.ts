import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './ask-engine.ts'
import { holdIdOf, purchaseStep, takeStep } from './purchase-step.ts'

/** Puts by what the purchase will cost: whoever has not so much free buys nothing. */
export const handler = serveTask(purchaseStep, async input =>
  accept(
    await takeStep(input, 'hold', 'holding', async row => {
      const { lane, accountId, costMicros } = row
      const outcome = await askEngine(
        lane,
        { type: 'place-hold', commandId: holdIdOf(row), accountId, amountMicros: costMicros },
        input.polls,
      )
      if (outcome === undefined) return 'waiting'
      return outcome.accepted ? { state: 'held' } : { undo: outcome.code ?? 'refused' }
    }),
  ),
)
