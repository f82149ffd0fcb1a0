import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { advanceDelivery, deliveryRow, deliveryStep, nextOf, nextStepOf } from './delivery-step.ts'
import { nominate } from './nomination.ts'

/** Nominates the seller for all of it, or finds how far an execution before has come. */
export const handler = serveTask(deliveryStep, async ({ delivery_id }) => {
  const row = await deliveryRow(delivery_id)
  if (nextOf(row) !== 'nominate') return accept(nextStepOf(row))
  const { change, told } = nominate(row)
  return accept(nextStepOf(await advanceDelivery(row, change, [told])))
})
