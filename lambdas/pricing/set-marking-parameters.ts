import { type ParameterRow, parameterVersions, putParameter } from '#adapters/tables/parameters.ts'
import type { MarkingTerms, setMarkingParameters } from '#protocol/operations/pricing.ts'
import type { Handle } from '../shell/http.ts'
import { everyUnderlying, markingTermsAt } from './marking-terms.ts'
import { markingView } from './marking-view.ts'

const mostAttempts = 5

export const handle: Handle<typeof setMarkingParameters> = async ({ body, principal }) => {
  const { underlying, effective_from: from, ...changes } = body
  const nowMillis = Date.now()
  const effectiveMillis = from === undefined ? nowMillis : Date.parse(from)
  if (effectiveMillis < nowMillis)
    return { code: 'invalid-request', errors: [{ pointer: '#/effective_from', detail: 'must not be in the past' }] }
  const name = underlying ?? everyUnderlying
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const versions = await parameterVersions('marking', name)
    const before = (await markingTermsAt(effectiveMillis))(underlying).terms
    const terms = changed(before, changes)
    const row: ParameterRow = {
      kind: 'marking',
      name,
      effectiveMillis,
      version: Math.max(0, ...versions.map(({ version }) => version)) + 1,
      value: terms,
      setBy: principal.account,
      setAtMillis: nowMillis,
    }
    if (await putParameter(row)) return { status: 200, body: markingView({ terms, row }) }
  }
  throw new Error(`the marking parameters ${name} were set by others ${mostAttempts} times in a row`)
}

const changed = (
  before: MarkingTerms,
  changes: { readonly [Name in keyof MarkingTerms]?: MarkingTerms[Name] | undefined },
): MarkingTerms => ({
  rate: changes.rate ?? before.rate,
  default_volatility: changes.default_volatility ?? before.default_volatility,
  correlation: changes.correlation ?? before.correlation,
  max_spread: changes.max_spread ?? before.max_spread,
  max_deviation: changes.max_deviation ?? before.max_deviation,
  basis_half_life_ms: changes.basis_half_life_ms ?? before.basis_half_life_ms,
  last_trade_max_age_ms: changes.last_trade_max_age_ms ?? before.last_trade_max_age_ms,
  slice_max_age_ms: changes.slice_max_age_ms ?? before.slice_max_age_ms,
  move: changes.move ?? before.move,
  min_interval_ms: changes.min_interval_ms ?? before.min_interval_ms,
  interval_ms: changes.interval_ms ?? before.interval_ms,
  monte_carlo_pairs: changes.monte_carlo_pairs ?? before.monte_carlo_pairs,
})
