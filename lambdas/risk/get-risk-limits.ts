import { newestLimitRequests } from '#adapters/tables/limit-requests.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { getLimitScale, getLimits, limitSubjectKey } from '#adapters/tables/risk-limits.ts'
import { noLimits } from '#domain/trading/limit-terms.ts'
import type { getRiskLimits } from '#protocol/operations/risk-limits.ts'
import type { Handle } from '../shell/http.ts'
import { limitSubjectOf } from './limit-subject.ts'
import { limitRequestView, limitScaleView, limitsView } from './limits-view.ts'

/** So many of a lane are looked through. */
const newestRequests = 100

export const handle: Handle<typeof getRiskLimits> = async ({ query, principal }) => {
  const lane = query.lane === undefined ? undefined : Number(query.lane)
  const found = await limitSubjectOf(principal, { scope: query.scope, subject: query.subject, lane })
  if ('code' in found) return found
  const { subject, name } = found
  const [row, scale, requests] = await Promise.all([
    getLimits(found.lane, subject),
    subject.scope === 'instrument' ? getLimitScale(found.lane, subject.instrumentId) : undefined,
    newestLimitRequests(found.lane, newestRequests),
  ])
  const own = requests.filter(request => limitSubjectKey(request) === limitSubjectKey(subject))
  const nowMillis = Date.now()
  return {
    status: 200,
    body: {
      scope: subject.scope,
      subject: name,
      lane: found.lane,
      limits: limitsView(row?.terms ?? noLimits),
      set_at: row === undefined ? null : new Date(row.setAtMillis).toISOString(),
      scale: scale === undefined ? null : limitScaleView(scale),
      requests: await Promise.all(
        own.map(async request =>
          limitRequestView(
            request,
            request.approvedAtMillis === undefined ? undefined : await getOutcome(request.commandId),
            nowMillis,
          ),
        ),
      ),
    },
  }
}
