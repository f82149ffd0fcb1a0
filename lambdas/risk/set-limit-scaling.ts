import type { setLimitScaling } from '#protocol/operations/risk-limits.ts'
import type { Handle } from '../shell/http.ts'
import { changeGuarded, parameterRequestView } from './guarded-parameters.ts'
import { scalingKind, scalingView } from './scaling-terms.ts'

export const handle: Handle<typeof setLimitScaling> = async ({ body, principal }) => {
  const { underlying, ...changes } = body
  const changed = await changeGuarded(scalingKind, principal, { underlying, effectiveFrom: undefined, changes })
  if ('request' in changed) return { status: 201, body: parameterRequestView(changed.request, Date.now()) }
  if (!('held' in changed)) return changed
  return { status: 200, body: scalingView(changed.held) }
}
