import { answeredCallOf, type MarginCallRow, marginCallOf, newestMarginCall } from '#adapters/tables/margin-calls.ts'
import { type ItemChange, RecordFailure, serveTableStream } from '../shell/stream.ts'
import { answerCall } from './answered-call.ts'

/** Has every new margin call answered; and once one is answered for good, the call that came before that was known. */
export const handler = serveTableStream(async changes => {
  for (const change of changes) {
    try {
      const call = await callToAnswer(change)
      if (call !== undefined) await answerCall(call)
    } catch (error) {
      throw new RecordFailure(change.sequenceNumber, error)
    }
  }
})

const callToAnswer = async ({ now, before }: ItemChange): Promise<MarginCallRow | undefined> => {
  if (now === undefined) return undefined
  const answered = answeredCallOf(now)
  if (answered !== undefined) return answered.isOver ? newestMarginCall(answered.lane, answered.accountId) : undefined
  return before === undefined ? marginCallOf(now) : undefined
}
