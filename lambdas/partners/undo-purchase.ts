import { partnerServices } from '#adapters/clients/partner.ts'
import { voidLot, withdrawReservation } from '#adapters/tables/partner-inventory.ts'
import { type PurchaseRow, type PurchaseState, purchaseStates } from '#adapters/tables/partner-purchases.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './ask-engine.ts'
import { commandIdOf, holdIdOf, purchaseStep, takeStep } from './purchase-step.ts'
import { purchasedLot } from './purchased-lot.ts'
import { movedOf, reservationOf } from './reserved-units.ts'

/**
 * Undoes what a purchase has done, or may have done: the lot, the reservation, the hold, the last first. Of an act of which nobody
 * knows whether it was done, its undoing also keeps it from being done later.
 */
export const handler = serveTask(purchaseStep, async input =>
  accept(
    await takeStep(input, 'undo', 'undoing', async row => {
      const { lane, accountId, undoneFrom = 'requested' } = row
      if (hasBegun(undoneFrom, 'booking') && !(await voidLot(purchasedLot(row, Date.now()))))
        throw new Error(`what ${row.purchaseId} has booked is in use`)
      if (hasBegun(undoneFrom, 'reserving')) await giveBack(row)
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

const giveBack = async (row: PurchaseRow): Promise<void> => {
  if (row.lotId !== undefined) return withdrawReservation(await movedOf(row, row.lotId))
  await partnerServices().get(row.provider)?.release(reservationOf(row).reservationId)
}
