import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { abandonPurchase } from './arbitrage-purchase.ts'
import { arbitrageStep, takeArbitrageStep } from './arbitrage-step.ts'

/** An order was not to be had: the units go back to whoever offers them, and the money to the account. */
export const handler = serveTask(arbitrageStep, async input =>
  accept(
    await takeArbitrageStep(input, {
      kind: 'release',
      perform: async (head, { progress }, polls) => {
        const purchase = await abandonPurchase(head, polls)
        if (purchase === undefined) return undefined
        if (purchase.state === 'completed') throw new Error(`${purchase.purchaseId} was completed by somebody else`)
        return { progress: { ...progress, purchase: 'released' }, result: 'released' }
      },
    }),
  ),
)
