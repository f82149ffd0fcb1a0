import type { Item } from '#adapters/items.ts'
import { type ApprovalRow, getApproval } from '#adapters/tables/approval-requests.ts'
import type { approveParameterChange } from '#protocol/operations/parameter-requests.ts'
import type { Handle, Principal } from '../shell/http.ts'
import { approvedBySecond } from '../shell/second-person.ts'
import { applyApproved, type GuardedParameters, overtaken, parameterRequestView } from './guarded-parameters.ts'
import { riskParameterKind } from './risk-terms.ts'
import { scalingKind } from './scaling-terms.ts'

export const handle: Handle<typeof approveParameterChange> = async ({ path, principal }) => {
  const requestId = path.request_id.toLowerCase()
  const ofRisk = await getApproval('risk', requestId)
  if (ofRisk !== undefined) return approve(riskParameterKind, ofRisk, principal)
  const ofScaling = await getApproval('limit-scaling', requestId)
  return ofScaling === undefined ? { code: 'not-found' } : approve(scalingKind, ofScaling, principal)
}

const approve = async <Terms extends Item>(
  guarded: GuardedParameters<Terms>,
  row: ApprovalRow,
  principal: Principal,
): ReturnType<Handle<typeof approveParameterChange>> => {
  const nowMillis = Date.now()
  const approved = await approvedBySecond(row, principal, nowMillis, () => overtaken(guarded, row, nowMillis))
  if ('code' in approved) return approved
  const refused = await applyApproved(guarded, approved.row)
  return refused ?? { status: 200, body: parameterRequestView(approved.row, nowMillis) }
}
