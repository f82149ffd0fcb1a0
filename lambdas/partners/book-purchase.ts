import { getLot, putLot } from '#adapters/tables/partner-inventory.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { purchaseStep, takeStep } from './purchase-step.ts'
import { purchasedLot } from './purchased-lot.ts'

/** Puts what was bought into the account's inventory: from then on the partner owes it, as the lot and its purchase say. */
export const handler = serveTask(purchaseStep, async input =>
  accept(
    await takeStep(input, 'book', 'booking', async row => {
      const lot = purchasedLot(row, Date.now())
      if (!(await putLot(lot)) && (await getLot(lot.lotId))?.state !== 'open')
        throw new Error(`the lot ${lot.lotId} was made void`)
      return { state: 'booked' }
    }),
  ),
)
