import { getLot, putLots } from '#adapters/tables/partner-inventory.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { purchaseStep, takeStep } from './purchase-step.ts'
import { purchasedLots } from './purchased-lot.ts'

/** Puts all that was bought into the account's inventory at once: from then on the partners owe it, as the lots and their purchase say. */
export const handler = serveTask(purchaseStep, async input =>
  accept(
    await takeStep(input, 'book', 'booking', async row => {
      const lots = purchasedLots(row, Date.now())
      if (!(await putLots(lots)))
        for (const { lotId } of lots)
          if ((await getLot(lotId))?.state !== 'open') throw new Error(`the lot ${lotId} was made void`)
      return { state: 'booked' }
    }),
  ),
)
