import { marginCallOf } from '#adapters/tables/margin-calls.ts'
import { RecordFailure, serveTableStream } from '../shell/stream.ts'
import { answerCall } from './answered-call.ts'

/** Has every new margin call answered. */
export const handler = serveTableStream(async changes => {
  for (const { now, before, sequenceNumber } of changes) {
    const call = now === undefined || before !== undefined ? undefined : marginCallOf(now)
    try {
      if (call !== undefined) await answerCall(call)
    } catch (error) {
      throw new RecordFailure(sequenceNumber, error)
    }
  }
})
