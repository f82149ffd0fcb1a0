import { obligationOfItem } from '#adapters/tables/deliveries.ts'
import { RecordFailure, serveTableStream } from '../shell/stream.ts'
import { beginDelivery } from './delivery-step.ts'

/** Has every obligation delivered, once it is in the table. What it misses the sweep finds. */
export const handler = serveTableStream(async changes => {
  for (const { now, before, sequenceNumber } of changes) {
    const obligation = now === undefined || before !== undefined ? undefined : obligationOfItem(now)
    try {
      if (obligation !== undefined) await beginDelivery(obligation)
    } catch (error) {
      throw new RecordFailure(sequenceNumber, error)
    }
  }
})
