import * as z from 'zod'
import { accept } from '#domain/outcome.ts'
import { logger, serveTask } from '../shell/task.ts'
import { caughtFailure, toldFailure } from '../shell/told-failure.ts'
import { advanceDelivery, deliveryRow, deliveryStep } from './delivery-step.ts'

const input = z.object({
  ...deliveryStep.shape,
  failure: caughtFailure,
})

/** Notes that the workflow broke, which says nothing of the delivery: the sweep has it go on a quarter of an hour later. */
export const handler = serveTask(input, async ({ delivery_id, failure }) => {
  const row = await deliveryRow(delivery_id)
  const told = toldFailure(failure)
  logger.error('the workflow of a delivery broke', { delivery_id, failure: told })
  await advanceDelivery(row, { failure: told, brokenAtMillis: Date.now() })
  return accept({ delivery_id })
})
