import { marginCallOf } from '#adapters/tables/margin-calls.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { instantOf, serveAnnouncements } from '../shell/announce.ts'

/** Each call, once it is in the table. */
export const handler = serveAnnouncements(({ now, before }) => {
  const call = now === undefined || before !== undefined ? undefined : marginCallOf(now)
  if (call === undefined) return undefined
  const { lane, accountId, outSeq, eventId, calledAtMillis, epochVersion, equityMicros, requirementMicros } = call
  return {
    name: 'MarginCalled.v1',
    detail: {
      event_id: `${eventId}:${accountId}`,
      lane,
      sequence: outSeq,
      timestamp: instantOf(calledAtMillis),
      account_id: accountId,
      epoch_version: epochVersion,
      equity: decimalOfMicros(equityMicros),
      requirement: decimalOfMicros(requirementMicros),
    },
  }
})
