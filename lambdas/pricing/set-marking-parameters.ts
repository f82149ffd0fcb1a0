import type { setMarkingParameters } from '#protocol/operations/pricing.ts'
import { changeParameters } from '../shell/held-parameters.ts'
import type { Handle } from '../shell/http.ts'
import { markingParameterKind, markingView } from './marking-terms.ts'

export const handle: Handle<typeof setMarkingParameters> = async ({ body, principal }) => {
  const { underlying, effective_from: effectiveFrom, ...changes } = body
  const changed = await changeParameters(markingParameterKind, {
    name: underlying,
    effectiveFrom,
    changes,
    setBy: principal.account,
  })
  return 'terms' in changed ? { status: 200, body: markingView(changed) } : changed
}
