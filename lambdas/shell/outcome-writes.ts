import { outcomePut } from '#adapters/tables/outcomes.ts'
import type { Write } from '#adapters/writes.ts'
import type { RejectionCode } from '#domain/outcome.ts'
import type { PlacedEvent } from './projection.ts'

export const acceptedOutcome = ({ atMillis, eventId }: PlacedEvent, commandId: string): Write =>
  outcomePut({ commandId, accepted: true, atMillis, eventId })

export const cancelledOutcome = (
  { atMillis, eventId }: PlacedEvent,
  commandId: string,
  cancelledOrders: number,
): Write => outcomePut({ commandId, accepted: true, cancelledOrders, atMillis, eventId })

export const rejectedOutcome = ({ atMillis, eventId }: PlacedEvent, commandId: string, code: RejectionCode): Write =>
  outcomePut({ commandId, accepted: false, code, atMillis, eventId })
