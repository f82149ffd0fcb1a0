import * as z from 'zod'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { accept } from '#domain/outcome.ts'
import { deliveryEnd, lotsIn, paidPart } from '#domain/settlement/physical-delivery.ts'
import { serveTask } from '../shell/task.ts'
import { advanceDelivery, DeliveryError, deliveryRow, deliveryStep, nextStepOf } from './delivery-step.ts'
import { duePayments } from './due-payments.ts'

const input = z.object({ ...deliveryStep.shape, polls: z.int().min(0).default(0) })

/** With the pauses between them five minutes. */
const mostPolls = 64
const longestPauseSeconds = 5

/** Whether the engine has settled all parts: then the delivery has ended. */
export const handler = serveTask(input, async ({ delivery_id, polls }) => {
  const row = await deliveryRow(delivery_id)
  const due = duePayments(row)
  const outcomes = await Promise.all(due.map(async ({ commandId }) => getOutcome(commandId)))
  const refused = outcomes.find(outcome => outcome?.accepted === false)
  if (refused !== undefined)
    throw new DeliveryError('DeliveryRejected', `${refused.commandId}: ${refused.code ?? 'rejected'}`)
  const isDone = outcomes.every(outcome => outcome !== undefined)
  if (!isDone) {
    if (polls >= mostPolls) throw new DeliveryError('DeliveryUnanswered', 'the engine has not answered')
    return accept({
      ...nextStepOf(row),
      polls: polls + 1,
      is_done: false,
      wait_seconds: Math.min(polls + 1, longestPauseSeconds),
    })
  }
  const parts = due.reduce((paid, { part }) => paidPart(paid, part.part), row.parts)
  const end = deliveryEnd(parts)
  if (end === undefined) throw new Error(`not all parts of ${delivery_id} are due`)
  const lots = end === 'cash_settled' ? lotsIn(parts, 'cash_settled') : lotsIn(parts, 'settled')
  const ended = due.length === 0 ? row : await advanceDelivery(row, { parts }, [{ state: end, lots }])
  return accept({ ...nextStepOf(ended), polls: 0, is_done: true, wait_seconds: 0 })
})
