import { type ParameterRow, parameterVersions, putParameter } from '#adapters/tables/parameters.ts'
import type { RiskTerms, setRiskParameters } from '#protocol/operations/risk.ts'
import type { Handle } from '../shell/http.ts'
import { riskParametersView } from './risk-parameters-view.ts'
import { everyUnderlying, isEpochTerm, riskTermsAt } from './risk-terms.ts'

const mostAttempts = 5

export const handle: Handle<typeof setRiskParameters> = async ({ body, principal }) => {
  const { underlying, effective_from: from, ...changes } = body
  const nowMillis = Date.now()
  const effectiveMillis = from === undefined ? nowMillis : Date.parse(from)
  if (effectiveMillis < nowMillis)
    return { code: 'invalid-request', errors: [{ pointer: '#/effective_from', detail: 'must not be in the past' }] }
  const misplaced = underlying === undefined ? [] : Object.keys(changes).filter(isEpochTerm)
  if (misplaced.length > 0)
    return {
      code: 'invalid-request',
      errors: misplaced.map(name => ({ pointer: `#/${name}`, detail: 'is set for all underlyings only' })),
    }
  const name = underlying ?? everyUnderlying
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const versions = await parameterVersions('risk', name)
    const before = (await riskTermsAt(effectiveMillis))(underlying).terms
    const terms = changed(before, changes)
    const row: ParameterRow = {
      kind: 'risk',
      name,
      effectiveMillis,
      version: Math.max(0, ...versions.map(({ version }) => version)) + 1,
      value: terms,
      setBy: principal.account,
      setAtMillis: nowMillis,
    }
    if (await putParameter(row)) return { status: 200, body: riskParametersView({ terms, row }) }
  }
  throw new Error(`the risk parameters ${name} were set by others ${mostAttempts} times in a row`)
}

const changed = (
  before: RiskTerms,
  changes: { readonly [Name in keyof RiskTerms]?: RiskTerms[Name] | undefined },
): RiskTerms => ({
  price_scan_ppm: changes.price_scan_ppm ?? before.price_scan_ppm,
  volatility_scan: changes.volatility_scan ?? before.volatility_scan,
  // null is a value of it.
  family: changes.family === undefined ? before.family : changes.family,
  short_option_minimum_ppm: changes.short_option_minimum_ppm ?? before.short_option_minimum_ppm,
  concentration_threshold: changes.concentration_threshold ?? before.concentration_threshold,
  concentration_charge_ppm: changes.concentration_charge_ppm ?? before.concentration_charge_ppm,
  haircut_ppm: changes.haircut_ppm ?? before.haircut_ppm,
  look_ahead_ms: changes.look_ahead_ms ?? before.look_ahead_ms,
  max_age_ms: changes.max_age_ms ?? before.max_age_ms,
  move_ppm: changes.move_ppm ?? before.move_ppm,
})
