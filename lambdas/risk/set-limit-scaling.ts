import { type ParameterRow, parameterVersions, putParameter } from '#adapters/tables/parameters.ts'
import type { ScalingTerms, setLimitScaling } from '#protocol/operations/risk-limits.ts'
import type { Handle } from '../shell/http.ts'
import { everyUnderlying, scalingAt, scalingView } from './scaling-terms.ts'

const mostAttempts = 5

export const handle: Handle<typeof setLimitScaling> = async ({ body, principal }) => {
  const { underlying, ...changes } = body
  const name = underlying ?? everyUnderlying
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const nowMillis = Date.now()
    const versions = await parameterVersions('limit-scaling', name)
    const terms = changed((await scalingAt(nowMillis))(underlying).terms, changes)
    if (terms.floor_ppm > terms.ceiling_ppm)
      return { code: 'scale-out-of-range', errors: [{ pointer: '#/floor_ppm', detail: 'is above ceiling_ppm' }] }
    const row: ParameterRow = {
      kind: 'limit-scaling',
      name,
      effectiveMillis: nowMillis,
      version: Math.max(0, ...versions.map(({ version }) => version)) + 1,
      value: terms,
      setBy: principal.account,
      setAtMillis: nowMillis,
    }
    if (await putParameter(row)) return { status: 200, body: scalingView({ terms, row }) }
  }
  throw new Error(`the scaling of limits ${name} was set by others ${mostAttempts} times in a row`)
}

const changed = (
  before: ScalingTerms,
  changes: { readonly [Name in keyof ScalingTerms]?: ScalingTerms[Name] | undefined },
): ScalingTerms => ({
  floor_ppm: changes.floor_ppm ?? before.floor_ppm,
  ceiling_ppm: changes.ceiling_ppm ?? before.ceiling_ppm,
  reference_volatility_ppm: changes.reference_volatility_ppm ?? before.reference_volatility_ppm,
  reference_depth: changes.reference_depth ?? before.reference_depth,
  depth_ppm: changes.depth_ppm ?? before.depth_ppm,
  window_minutes: changes.window_minutes ?? before.window_minutes,
  step_ppm: changes.step_ppm ?? before.step_ppm,
})
