import type { setLimitScaling } from '#protocol/operations/risk-limits.ts'
import { changeParameters } from '../shell/held-parameters.ts'
import type { Handle } from '../shell/http.ts'
import { scalingAt, scalingKind, scalingView } from './scaling-terms.ts'

const floorAboveCeiling = {
  code: 'scale-out-of-range',
  errors: [{ pointer: '#/floor_ppm', detail: 'is above ceiling_ppm' }],
} as const

export const handle: Handle<typeof setLimitScaling> = async ({ body, principal }) => {
  const { underlying, ...changes } = body
  const changed = await changeParameters(scalingKind, {
    name: underlying,
    effectiveFrom: undefined,
    changes,
    setBy: principal.account,
    before: async atMillis => (await scalingAt(atMillis))(underlying),
    refusal: terms => (terms.floor_ppm > terms.ceiling_ppm ? floorAboveCeiling : undefined),
  })
  return 'terms' in changed ? { status: 200, body: scalingView(changed) } : changed
}
