import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './engine-answer.ts'
import { liquidationStep, takeStep } from './liquidation-step.ts'
import { numberIn } from './step-numbers.ts'

/** Sends the order that was planned. What the book refuses, or does not take any of, is tried again so many times. */
export const handler = serveTask(liquidationStep, async input =>
  accept(
    await takeStep(input, {
      kind: 'reduce',
      ask: askEngine,
      decide: async ({ accountId, liquidationId, equityMicros, requirementMicros }, { planned }, id) => {
        if (planned === undefined) throw new Error('no order is planned')
        const { instrumentId, direction, quantityLots, limitTicks } = planned
        const order = { instrumentId, direction, quantityLots, limitTicks }
        return {
          numbers: { ...planned, equityMicros, requirementMicros },
          command: { type: 'liquidate-position', commandId: id, liquidationId, accountId, ...order },
        }
      },
      conclude: (_, { numbers, progress }, said) => {
        const instrumentId = numberIn(numbers, 'instrumentId')
        const filledLots = said?.accepted === true ? numberIn(said.numbers, 'filledLots') : 0
        const { [instrumentId]: tries = 0, ...others } = progress.dryTries
        return {
          next: 'plan',
          progress: {
            ...progress,
            dryTries: filledLots > 0 ? others : { ...others, [instrumentId]: tries + 1 },
            instrumentIds:
              filledLots > 0 ? [...new Set([...progress.instrumentIds, instrumentId])] : progress.instrumentIds,
          },
        }
      },
    }),
  ),
)
