import type { DeliveryRow } from '#adapters/tables/deliveries.ts'
import type { DeliveryPart } from '#domain/settlement/physical-delivery.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'

interface DuePayment {
  readonly part: DeliveryPart
  readonly commandId: string
}

/** The parts that the engine has not settled yet, each under one name for good. */
export const duePayments = ({ deliveryId, parts }: DeliveryRow): readonly DuePayment[] =>
  parts
    .filter(({ state }) => state === 'delivered' || state === 'undelivered')
    .map(part => ({ part, commandId: nameBasedUuid(['settle-delivery', deliveryId, part.part].join('#')) }))
