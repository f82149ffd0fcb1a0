import type { setRiskParameters } from '#protocol/operations/risk.ts'
import { changeParameters } from '../shell/held-parameters.ts'
import type { Handle } from '../shell/http.ts'
import { isEpochTerm, riskParameterKind, riskParametersView, riskTermsAt } from './risk-terms.ts'

export const handle: Handle<typeof setRiskParameters> = async ({ body, principal }) => {
  const { underlying, effective_from: effectiveFrom, ...changes } = body
  const misplaced = underlying === undefined ? [] : Object.keys(changes).filter(isEpochTerm)
  if (misplaced.length > 0)
    return {
      code: 'invalid-request',
      errors: misplaced.map(name => ({ pointer: `#/${name}`, detail: 'is set for all underlyings only' })),
    }
  const changed = await changeParameters(riskParameterKind, {
    name: underlying,
    effectiveFrom,
    changes,
    setBy: principal.account,
    before: async atMillis => (await riskTermsAt(atMillis))(underlying),
  })
  return 'terms' in changed ? { status: 200, body: riskParametersView(changed) } : changed
}
