import { putCommands } from '#adapters/streams/orders.ts'
import { getLimitRequest, type LimitRequestRow, replaceLimitRequest } from '#adapters/tables/limit-requests.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { getLimits } from '#adapters/tables/risk-limits.ts'
import { isSamePerson } from '#adapters/two-persons.ts'
import { limitNames, noLimits } from '#domain/trading/limit-terms.ts'
import type { approveRiskLimits } from '#protocol/operations/risk-limits.ts'
import type { Answer, Handle, Request } from '../shell/http.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { limitRequestView, requestStateOf } from './limits-view.ts'

type Headers = Request<typeof approveRiskLimits>['headers']

export const handle: Handle<typeof approveRiskLimits> = async ({ path, principal, headers }) => {
  const nowMillis = Date.now()
  const row = await getLimitRequest(path.request_id)
  if (row === undefined) return { code: 'not-found' }
  const { account, credential } = principal
  if (isSamePerson(row.requestedBy, { account, credential })) return { code: 'second-person-required' }
  // Whoever approved it may have died before the stream heard of it: a repeat puts the same command again.
  if (row.approvedBy !== undefined)
    return isSamePerson(row.approvedBy, { account, credential })
      ? put(row, headers, true)
      : { code: 'limit-request-over' }
  if (requestStateOf(row, undefined, nowMillis) === 'lapsed') return { code: 'limit-request-over' }
  if (await haveChanged(row)) return { code: 'limits-changed' }
  const approved = { ...row, approvedBy: { account, credential }, approvedAtMillis: nowMillis }
  return (await replaceLimitRequest(approved, row)) ? put(approved, headers, false) : { code: 'limit-request-over' }
}

/** Tightened since, or loosened by another request: neither is to be undone by an approval of what was asked before it. */
const haveChanged = async (row: LimitRequestRow): Promise<boolean> => {
  const inForce = (await getLimits(row.lane, row))?.terms ?? noLimits
  return limitNames.some(name => inForce[name] !== row.baseTerms[name])
}

const put = async (
  row: LimitRequestRow,
  headers: Headers,
  repeated: boolean,
): Promise<Answer<typeof approveRiskLimits>> => {
  const wait = preferWait(headers)
  let outcome = repeated ? await getOutcome(row.commandId) : undefined
  if (outcome === undefined) {
    const { commandId, scope, accountId, firm, instrumentId, terms } = row
    const named = { scope, accountId, firm, instrumentId }
    await putCommands(row.lane, [{ type: 'set-risk-limits', commandId, ...named, isApproved: true, terms }])
    outcome = wait && (await pollUntil(() => getOutcome(commandId), wait.untilMillis))
  }
  return {
    status: wait !== undefined && outcome !== undefined ? 200 : 202,
    body: await limitRequestView(row, outcome, Date.now()),
    headers: { location: '/api/v1/risk/limits', ...wait?.headers },
  }
}
