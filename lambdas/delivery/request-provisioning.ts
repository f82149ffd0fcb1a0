import { createHash } from 'node:crypto'
import * as z from 'zod'
import { type BusEvent, putEvents } from '#adapters/bus.ts'
import { type DeliveryRow, getRequest, type RequestRow, replaceRequest } from '#adapters/tables/deliveries.ts'
import { completeTask } from '#adapters/workflows.ts'
import { accept } from '#domain/outcome.ts'
import { lotsIn, releasableAttempts } from '#domain/settlement/physical-delivery.ts'
import { decimal } from '#domain/units.ts'
import { type ProvisioningStep, provisioningLimits, provisioningSteps } from '#protocol/provisioning.ts'
import { instantOf } from '../shell/announce.ts'
import { serveTask } from '../shell/task.ts'
import { advanceDelivery, deliveryRow, deliveryStep, requestNumber } from './delivery-step.ts'

const input = z.object({ ...deliveryStep.shape, step: z.enum(provisioningSteps), task_token: z.string() })

/**
 * Asks the provisioning service, once what is asked is stored; the workflow waits for the answer by the token. Asked again, by
 * an execution that began anew or since nothing was heard, it is the same request under another token, and one that was
 * answered meanwhile is not asked again.
 */
export const handler = serveTask(input, async ({ delivery_id, step, task_token: taskToken }) => {
  const row = await deliveryRow(delivery_id)
  const attempt = requestNumber(row, step)
  const read = await getRequest(delivery_id, step, attempt)
  const attempts = step === 'release' ? releasableAttempts(row) : []
  if ((read !== undefined && read.state !== 'requested') || (step === 'release' && attempts.length === 0)) {
    await completeTask(taskToken, {})
    return accept({ delivery_id })
  }
  const request: RequestRow = {
    deliveryId: delivery_id,
    step,
    attempt,
    lots: await requestedLots(row, step),
    state: 'requested',
    callbackToken: callbackTokenOf(taskToken),
    taskToken,
    requestedAtMillis: Date.now(),
    attempts,
  }
  if (!(await replaceRequest(request, read)))
    throw new Error(`the request ${step} ${attempt} of ${delivery_id} has changed meanwhile`)
  if (step === 'provision' && row.state === 'reserved')
    await advanceDelivery(row, {}, [{ state: 'provisioning', lots: request.lots }])
  const refused = await putEvents([eventOf(row, request)])
  if (refused.length > 0) throw new Error(`the bus refused the request ${step} ${attempt} of ${delivery_id}`)
  return accept({ delivery_id })
})

const requestedLots = async (row: DeliveryRow, step: ProvisioningStep): Promise<number> => {
  switch (step) {
    case 'reserve':
      return lotsIn(row.parts, 'open')
    case 'provision': {
      const reserved = await getRequest(row.deliveryId, 'reserve', row.attempt)
      return reserved?.answer?.lots ?? 0
    }
    case 'meter':
      return lotsIn(row.parts, 'provisioned')
    case 'release':
      return 0
  }
}

/** Says nothing of the workflow's own token, which only we know. */
const callbackTokenOf = (taskToken: string): string => createHash('sha256').update(taskToken).digest('base64url')

const eventOf = (
  row: DeliveryRow,
  { step, attempt, lots, attempts, callbackToken, requestedAtMillis }: RequestRow,
): BusEvent => {
  const { answerSeconds, heartbeatSeconds } = provisioningLimits[step]
  const asked = {
    // Asked again it is another event, about the same request.
    event_id: `${row.deliveryId}:${step}:${attempt}:${callbackToken}`,
    timestamp: instantOf(requestedAtMillis),
    delivery_id: row.deliveryId,
    lane: row.lane,
    instrument_name: row.instrumentName,
    buyer_account_id: row.buyAccountId,
    seller_account_id: row.sellAccountId,
    request_id: `${row.deliveryId}#${step}#${attempt}`,
    step,
    attempt,
    callback_path: `/api/v1/compute-futures/deliveries/${row.deliveryId}/callbacks`,
    callback_token: callbackToken,
    answer_within_s: answerSeconds,
    heartbeat_s: heartbeatSeconds,
  }
  if (step === 'release')
    return { name: 'ProvisioningReleaseRequested.v1', detail: { ...asked, attempts: [...attempts] } }
  return {
    name: 'ProvisioningRequested.v1',
    detail: {
      ...asked,
      amount: decimal(lots, row.minTradeAmount),
      index: row.index,
      delivery_start: instantOf(row.startMillis),
      delivery_end: instantOf(row.endMillis),
      partner_lot: step === 'meter' ? null : partnerLotOf(row),
    },
  }
}

/** Where this attempt is made with what was bought in. */
const partnerLotOf = ({ attempt, buyIn }: DeliveryRow) =>
  buyIn?.lotId === undefined || buyIn.attempt !== attempt
    ? null
    : { lot_id: buyIn.lotId, provider: buyIn.provider, units: buyIn.units }
