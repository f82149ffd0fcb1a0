import * as z from 'zod'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { accept } from '#domain/outcome.ts'
import { deliveryEnd, lotsIn, paidPart } from '#domain/settlement/physical-delivery.ts'
import { askedOnceMore, haveBeenEnough, polls } from '../shell/engine-polls.ts'
import { serveTask } from '../shell/task.ts'
import { advanceDelivery, DeliveryError, deliveryRow, deliveryStep, nextStepOf } from './delivery-step.ts'
import { duePayments } from './due-payments.ts'

const input = z.object({ ...deliveryStep.shape, polls })

/** Whether the engine has settled all parts: then the delivery has ended. */
export const handler = serveTask(input, async ({ delivery_id, polls: asked }) => {
  const row = await deliveryRow(delivery_id)
  const due = duePayments(row)
  const outcomes = await Promise.all(due.map(async ({ commandId }) => getOutcome(commandId)))
  const refused = outcomes.find(outcome => outcome?.accepted === false)
  if (refused !== undefined)
    throw new DeliveryError('DeliveryRejected', `${refused.commandId}: ${refused.code ?? 'rejected'}`)
  const isDone = outcomes.every(outcome => outcome !== undefined)
  if (!isDone) {
    if (haveBeenEnough(asked)) throw new DeliveryError('DeliveryUnanswered', 'the engine has not answered')
    return accept({ ...nextStepOf(row), ...askedOnceMore(asked), is_done: false })
  }
  const parts = due.reduce((paid, { part }) => paidPart(paid, part.part), row.parts)
  const end = deliveryEnd(parts)
  if (end === undefined) throw new Error(`not all parts of ${delivery_id} are due`)
  const lots = end === 'cash_settled' ? lotsIn(parts, 'cash_settled') : lotsIn(parts, 'settled')
  const ended = due.length === 0 ? row : await advanceDelivery(row, { parts }, [{ state: end, lots }])
  return accept({ ...nextStepOf(ended), polls: 0, is_done: true, wait_seconds: 0 })
})
