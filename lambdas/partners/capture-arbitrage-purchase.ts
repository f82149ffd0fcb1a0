import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { completePurchase } from './arbitrage-purchase.ts'
import { arbitrageStep, takeArbitrageStep } from './arbitrage-step.ts'

/** All orders are filled: the capacity is booked and paid for. Where it cannot be, they are traded back. */
export const handler = serveTask(arbitrageStep, async input =>
  accept(
    await takeArbitrageStep(input, {
      kind: 'capture',
      perform: async (head, { progress }, polls) => {
        const purchase = await completePurchase(head, polls)
        if (purchase === undefined) return undefined
        return purchase.state === 'completed'
          ? { progress: { ...progress, purchase: 'captured' }, result: 'completed' }
          : {
              progress: { ...progress, purchase: 'released', captureRefused: true },
              result: purchase.failure ?? 'failed',
            }
      },
    }),
  ),
)
