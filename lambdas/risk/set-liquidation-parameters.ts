import { type ParameterRow, parameterVersions, putParameter } from '#adapters/tables/parameters.ts'
import {
  type LiquidationTerms,
  liquidationTerms,
  type setLiquidationParameters,
} from '#protocol/operations/liquidation.ts'
import type { Handle } from '../shell/http.ts'
import { liquidationParametersView } from './liquidation-parameters-view.ts'
import { liquidationTermsAt, liquidationTermsName } from './liquidation-terms.ts'

const mostAttempts = 5

export const handle: Handle<typeof setLiquidationParameters> = async ({ body, principal }) => {
  const { effective_from: from, ...changes } = body
  const nowMillis = Date.now()
  const effectiveMillis = from === undefined ? nowMillis : Date.parse(from)
  if (effectiveMillis < nowMillis)
    return { code: 'invalid-request', errors: [{ pointer: '#/effective_from', detail: 'must not be in the past' }] }
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const versions = await parameterVersions('liquidation', liquidationTermsName)
    const before = (await liquidationTermsAt(effectiveMillis)).terms
    const terms: LiquidationTerms = liquidationTerms.parse({ ...before, ...changes })
    if (terms.auction_reserve_ppm < terms.collar_ppm)
      return {
        code: 'invalid-request',
        errors: [{ pointer: '#/auction_reserve_ppm', detail: 'must not be nearer to the mark than collar_ppm' }],
      }
    const row: ParameterRow = {
      kind: 'liquidation',
      name: liquidationTermsName,
      effectiveMillis,
      version: Math.max(0, ...versions.map(({ version }) => version)) + 1,
      value: terms,
      setBy: principal.account,
      setAtMillis: nowMillis,
    }
    if (await putParameter(row)) return { status: 200, body: liquidationParametersView({ terms, row }) }
  }
  throw new Error(`the liquidation parameters were set by others ${mostAttempts} times in a row`)
}
