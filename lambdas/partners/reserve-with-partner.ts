import { partnerServices } from '#adapters/clients/partner.ts'
import { moveUnits } from '#adapters/tables/partner-inventory.ts'
import type { PurchasePart } from '#adapters/tables/partner-purchases.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { lotIdOf, partDue, purchaseStep, takeStep } from './purchase-step.ts'
import { movedOf, reservationOf } from './reserved-units.ts'

/** One part after the other: each may take as long as a partner's service may. */
export const handler = serveTask(purchaseStep, async input =>
  accept(
    await takeStep(input, 'reserve', 'reserving', async row => {
      const { part, index, then } = partDue(row, 'reserved')
      const reserved = await reserve(part, lotIdOf(row, index))
      if ('undo' in reserved) return reserved
      return { ...then, parts: row.parts.with(index, { ...part, ...reserved }) }
    }),
  ),
)

/** Takes the units from the lot of a contract or of whoever sells them, or has the partner's service reserve them. */
const reserve = async (
  part: PurchasePart,
  reservationId: string,
): Promise<Pick<PurchasePart, 'partnerReference'> | { readonly undo: string }> => {
  if (part.lotId !== undefined) {
    const moved = await moveUnits('reserve', await movedOf(part, part.lotId, reservationId))
    return moved === 'short' ? { undo: 'purchase-above-offer' } : {}
  }
  const service = partnerServices().get(part.provider)
  if (service === undefined) return { undo: 'partner-not-connected' }
  const answer = await service.reserve(reservationOf(part, reservationId))
  return answer.accepted ? { partnerReference: answer.reference } : { undo: `the partner refuses: ${answer.reason}` }
}
