import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './engine-answer.ts'
import { isTakenOver, liquidationStep, takeStep } from './liquidation-step.ts'
import { numberIn } from './step-numbers.ts'

/** Sends the order that was planned. What the book refuses, or does not take any of, is tried again so many times. */
export const handler = serveTask(liquidationStep, async input =>
  accept(
    await takeStep(input, {
      kind: 'reduce',
      ask: askEngine,
      decide: async (head, { planned, at = head }, id) => {
        if (planned === undefined) throw new Error('no order is planned')
        const { liquidationId, equityMicros, requirementMicros } = head
        const { lane, accountId } = at
        const { instrumentId, key = instrumentId, direction, quantityLots, limitTicks } = planned
        const order = { instrumentId, direction, quantityLots, limitTicks }
        return {
          numbers: { lane, ...planned, key, equityMicros, requirementMicros },
          at: { lane, accountId },
          command: { type: 'liquidate-position', commandId: id, liquidationId, accountId, ...order },
        }
      },
      conclude: (_, { numbers, progress }, said) => {
        if (isTakenOver(said)) return { next: 'end', progress }
        const key = numberIn(numbers, 'key')
        const filledLots = said?.accepted === true ? numberIn(said.numbers, 'filledLots') : 0
        const { [key]: tries = 0, ...others } = progress.dryTries
        return {
          next: 'plan',
          progress: {
            ...progress,
            dryTries: filledLots > 0 ? others : { ...others, [key]: tries + 1 },
            instrumentIds: filledLots > 0 ? [...new Set([...progress.instrumentIds, key])] : progress.instrumentIds,
          },
        }
      },
    }),
  ),
)
