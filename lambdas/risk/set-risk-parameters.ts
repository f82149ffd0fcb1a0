import type { setRiskParameters } from '#protocol/operations/risk.ts'
import type { Handle } from '../shell/http.ts'
import { changeGuarded, parameterRequestView } from './guarded-parameters.ts'
import { isEpochTerm, riskParameterKind, riskParametersView } from './risk-terms.ts'

export const handle: Handle<typeof setRiskParameters> = async ({ body, principal }) => {
  const { underlying, effective_from: effectiveFrom, ...changes } = body
  const misplaced = underlying === undefined ? [] : Object.keys(changes).filter(isEpochTerm)
  if (misplaced.length > 0)
    return {
      code: 'invalid-request',
      errors: misplaced.map(name => ({ pointer: `#/${name}`, detail: 'is set for all underlyings only' })),
    }
  const changed = await changeGuarded(riskParameterKind, principal, { underlying, effectiveFrom, changes })
  if ('request' in changed) return { status: 201, body: parameterRequestView(changed.request, Date.now()) }
  if (!('held' in changed)) return changed
  return { status: 200, body: riskParametersView(changed.held) }
}
