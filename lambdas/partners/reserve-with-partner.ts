import { partnerServices } from '#adapters/clients/partner.ts'
import { moveUnits } from '#adapters/tables/partner-inventory.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { purchaseStep, takeStep } from './purchase-step.ts'
import { movedOf, reservationOf } from './reserved-units.ts'

/** Takes the units from the lot of a contract or of whoever sells them, or has the partner's service reserve them. */
export const handler = serveTask(purchaseStep, async input =>
  accept(
    await takeStep(input, 'reserve', 'reserving', async row => {
      if (row.lotId !== undefined) {
        const moved = await moveUnits('reserve', await movedOf(row, row.lotId))
        return moved === 'short' ? { undo: 'purchase-above-offer' } : { state: 'reserved' }
      }
      const service = partnerServices().get(row.provider)
      if (service === undefined) return { undo: 'partner-not-connected' }
      const answer = await service.reserve(reservationOf(row))
      return answer.accepted
        ? { state: 'reserved', partnerReference: answer.reference }
        : { undo: `the partner refuses: ${answer.reason}` }
    }),
  ),
)
