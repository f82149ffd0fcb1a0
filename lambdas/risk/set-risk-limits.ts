import { v7 as uuidv7 } from 'uuid'
import { type LimitRequestRow, limitRequestIdOf, replaceLimitRequest } from '#adapters/tables/limit-requests.ts'
import { getLimits } from '#adapters/tables/risk-limits.ts'
import { versionOfMargin } from '#domain/trading/engine-version.ts'
import { contradictionIn, isLooser, limitsRefusal, noLimits } from '#domain/trading/limit-terms.ts'
import type { setRiskLimits } from '#protocol/operations/risk-limits.ts'
import { engineVersionMissing } from '../reference/engine-version-needed.ts'
import { takeCommand } from '../shell/command-intake.ts'
import type { Handle } from '../shell/http.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { limitTargetOf } from './limit-subject.ts'
import { limitPointer, limitRequestView, limitTermsOf } from './limits-view.ts'

export const handle: Handle<typeof setRiskLimits> = async ({ body, principal, idempotencyKey, headers }) => {
  const terms = limitTermsOf(body.limits)
  if ('tooFine' in terms)
    return { code: 'invalid-request', errors: [{ pointer: terms.tooFine, detail: 'is too fine or too large' }] }
  const target = await limitTargetOf(body)
  if ('code' in target) return target
  const { lane, subject } = target
  const refusal = limitsRefusal(subject.scope, terms)
  if (refusal === 'limits-contradict') {
    const pair = contradictionIn(terms) ?? []
    return {
      code: refusal,
      errors: pair.map(name => ({ pointer: limitPointer(name), detail: 'contradicts the other' })),
    }
  }
  if (refusal === 'limit-not-of-scope') return { code: refusal }
  if (refusal !== undefined) return { code: 'invalid-request', errors: [{ pointer: '#/limits', detail: refusal }] }
  const missing = await engineVersionMissing(lane, versionOfMargin)
  if (missing !== undefined) return missing
  const inForce = (await getLimits(lane, subject))?.terms ?? noLimits
  // What is in force may have been tightened since: the engine refuses then what nobody has approved.
  if (!isLooser(terms, inForce))
    return takeCommand({
      principal,
      operation: 'set-risk-limits',
      asked: body,
      idempotencyKey,
      headers,
      lane,
      command: commandId => ({ type: 'set-risk-limits', commandId, ...subject, isApproved: false, terms }),
    })
  const { account, credential } = principal
  // The same request under the same name, so that a repeat asks for nothing more.
  const named = idempotencyKey === undefined ? uuidv7() : nameBasedUuid(`limits#${account}#${idempotencyKey}`)
  const requestId = limitRequestIdOf(lane, named)
  const row: LimitRequestRow = {
    ...subject,
    lane,
    requestId,
    commandId: nameBasedUuid(`set-risk-limits#${requestId}`),
    terms,
    baseTerms: inForce,
    reason: body.reason,
    requestedBy: { account, credential },
    requestedAtMillis: Date.now(),
  }
  if (!(await replaceLimitRequest(row, undefined))) return { code: 'idempotency-conflict' }
  return { status: 201, body: await limitRequestView(row, undefined, Date.now()) }
}
