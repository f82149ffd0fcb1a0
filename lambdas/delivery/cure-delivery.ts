import { accept } from '#domain/outcome.ts'
import { lotsIn, mostDeliveryAttempts, nextDeliveryStep, partsGivenUp } from '#domain/settlement/physical-delivery.ts'
import { serveTask } from '../shell/task.ts'
import { advanceDelivery, deliveryRow, deliveryStep, nextStepOf } from './delivery-step.ts'
import { nominate } from './nomination.ts'

/**
 * What becomes of what was not provisioned: another attempt, a bounded number of times and while there is anything left of the
 * period; else it is given up, and paid in cash.
 */
export const handler = serveTask(deliveryStep, async ({ delivery_id }) => {
  const row = await deliveryRow(delivery_id)
  if (nextDeliveryStep(row) !== 'cure') return accept(nextStepOf(row))
  const lots = lotsIn(row.parts, 'open')
  const isOver = Date.now() >= row.endMillis
  if (row.attempt < mostDeliveryAttempts && !isOver) {
    const { change, told } = nominate(row)
    return accept(nextStepOf(await advanceDelivery(row, change, [told])))
  }
  const reason = isOver ? 'period-over' : 'attempts-used-up'
  return accept(
    nextStepOf(await advanceDelivery(row, { parts: partsGivenUp(row.parts) }, [{ state: 'failed', lots, reason }])),
  )
})
