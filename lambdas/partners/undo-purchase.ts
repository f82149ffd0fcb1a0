import { partnerServices } from '#adapters/clients/partner.ts'
import { voidLot, withdrawReservation } from '#adapters/tables/partner-inventory.ts'
import { type PurchasePart, type PurchaseState, purchaseStates } from '#adapters/tables/partner-purchases.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './ask-engine.ts'
import { commandIdOf, holdIdOf, lotIdOf, partDue, purchaseStep, takeStep } from './purchase-step.ts'
import { purchasedLots } from './purchased-lot.ts'
import { movedOf } from './reserved-units.ts'

/**
 * Undoes what a purchase has done, or may have done: the lots, the reservations one by one, the hold, the last first. Of an act of which
 * nobody knows whether it was done, its undoing also keeps it from being done later: so all parts are given back, however far it came.
 */
export const handler = serveTask(purchaseStep, async input =>
  accept(
    await takeStep(input, 'undo', 'undoing', async row => {
      const { lane, accountId, undoneFrom = 'requested' } = row
      if (hasBegun(undoneFrom, 'booking') && row.partsDone === 0)
        for (const lot of purchasedLots(row, Date.now()))
          if (!(await voidLot(lot))) throw new Error(`what ${row.purchaseId} has booked is in use`)
      if (hasBegun(undoneFrom, 'reserving') && row.partsDone < row.parts.length) {
        const { part, index } = partDue(row, 'undoing')
        await giveBack(part, lotIdOf(row, index))
        return { partsDone: index + 1 }
      }
      if (hasBegun(undoneFrom, 'holding')) {
        const outcome = await askEngine(
          lane,
          { type: 'release-hold', commandId: commandIdOf(row, 'release'), accountId, holdId: holdIdOf(row) },
          input.polls,
        )
        if (outcome === undefined) return 'waiting'
        if (!outcome.accepted && outcome.code !== 'unknown-hold')
          throw new Error(`the hold of ${row.purchaseId} was not released: ${outcome.code}`)
      }
      return { state: 'failed' }
    }),
  ),
)

const hasBegun = (state: PurchaseState, step: PurchaseState): boolean =>
  purchaseStates.indexOf(state) >= purchaseStates.indexOf(step)

const giveBack = async (part: PurchasePart, reservationId: string): Promise<void> => {
  if (part.lotId !== undefined) return withdrawReservation(await movedOf(part, part.lotId, reservationId))
  await partnerServices().get(part.provider)?.release(reservationId)
}
