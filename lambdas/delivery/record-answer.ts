import * as z from 'zod'
import { type Answer, type DeliveryRow, getRequest, type RequestRow } from '#adapters/tables/deliveries.ts'
import { accept } from '#domain/outcome.ts'
import { lotsIn, meteredParts, provisionedParts } from '#domain/settlement/physical-delivery.ts'
import { type ProvisioningStep, provisioningSteps } from '#protocol/provisioning.ts'
import { serveTask } from '../shell/task.ts'
import { endBuyIn } from './bought-units.ts'
import {
  advanceDelivery,
  type DeliveryChange,
  deliveryRow,
  deliveryStep,
  nextStepOf,
  requestNumber,
  type Told,
} from './delivery-step.ts'

const input = z.object({ ...deliveryStep.shape, step: z.enum(provisioningSteps) })

/**
 * What the provisioning service has said, or that it said nothing in time: the request is closed in the same transaction in
 * which the delivery moves on, so that an answer counts or is refused, whenever it comes.
 */
export const handler = serveTask(input, async ({ delivery_id, step }) => {
  const row = await deliveryRow(delivery_id)
  const read = await getRequest(delivery_id, step, requestNumber(row, step))
  // Recorded before, or there was nothing to be released.
  if (read === undefined || read.state === 'closed' || !isAwaited(row, step)) return accept(nextStepOf(row))
  const { change, told } = recordedOf(row, read)
  const closed: RequestRow = { ...read, state: 'closed' }
  if (isBuyInReleased(row, change)) await endBuyIn(row)
  return accept(nextStepOf(await advanceDelivery(row, change, told, { row: closed, read })))
})

const isAwaited = (row: DeliveryRow, step: ProvisioningStep): boolean => {
  switch (step) {
    case 'reserve':
      return row.state === 'nominated'
    case 'provision':
      return row.state === 'provisioning' || row.state === 'reserved'
    case 'meter':
      return lotsIn(row.parts, 'open') === 0 && lotsIn(row.parts, 'provisioned') > 0
    case 'release':
      return true
  }
}

/** Before it is stored: whoever does it again after a failure does the rest. */
const isBuyInReleased = ({ buyIn }: DeliveryRow, { claims = [] }: DeliveryChange): boolean =>
  claims.some(({ attempt, isReleased }) => isReleased && attempt === buyIn?.attempt)

interface Recorded {
  readonly change: DeliveryChange
  readonly told: readonly Told[]
}

const silence: Answer = { outcome: 'failed', lots: 0, reason: 'no-answer' }

const recordedOf = (row: DeliveryRow, { step, attempts, answer = silence }: RequestRow): Recorded => {
  const reason = answer.reason === undefined ? {} : { reason: answer.reason }
  switch (step) {
    case 'reserve':
      if (answer.outcome !== 'succeeded')
        return { change: {}, told: [{ state: 'failed', lots: lotsIn(row.parts, 'open'), ...reason }] }
      return { change: {}, told: [{ state: 'reserved', lots: answer.lots }] }
    case 'provision': {
      const provisioned = answer.outcome === 'succeeded' ? answer.lots : 0
      const parts = provisionedParts(row.parts, row.attempt, provisioned)
      const missing = lotsIn(parts, 'open')
      return {
        change: { parts },
        told: [
          ...(provisioned > 0 ? [{ state: 'delivered', lots: provisioned } satisfies Told] : []),
          ...(missing > 0
            ? [{ state: 'failed', lots: missing, reason: answer.reason ?? 'partly-provisioned' } satisfies Told]
            : []),
        ],
      }
    }
    case 'meter': {
      // What nobody has measured was never there.
      const metered = answer.outcome === 'metered' ? answer.lots : 0
      return {
        change: { parts: meteredParts(row.parts, metered) },
        told: [{ state: 'metered', lots: metered, ...reason }],
      }
    }
    case 'release': {
      const isReleased = (attempt: number) => answer.outcome === 'released' && attempts.includes(attempt)
      return {
        change: {
          releases: row.releases + 1,
          claims: row.claims.map(claim => (isReleased(claim.attempt) ? { ...claim, isReleased: true } : claim)),
        },
        told: [],
      }
    }
  }
}
