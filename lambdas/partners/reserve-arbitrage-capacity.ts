import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { reservePurchase } from './arbitrage-reservation.ts'
import { arbitrageStep, takeArbitrageStep } from './arbitrage-step.ts'

/** Holds the money of the capacity and has it reserved, before any order goes out. */
export const handler = serveTask(arbitrageStep, async input =>
  accept(
    await takeArbitrageStep(input, {
      kind: 'reserve',
      perform: async (head, { progress }, polls) => {
        const reserved = await reservePurchase(head, polls)
        if (reserved === undefined) return undefined
        const { purchaseId } = reserved
        return {
          progress: { ...progress, purchase: reserved.isReserved ? 'reserved' : 'refused' },
          result: reserved.isReserved ? 'reserved' : reserved.reason,
          ...(purchaseId !== undefined && { head: { purchaseId } }),
        }
      },
    }),
  ),
)
