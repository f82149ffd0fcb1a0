import type { getRiskParameters } from '#protocol/operations/risk.ts'
import type { Handle } from '../shell/http.ts'
import { riskParametersView, riskTermsAt } from './risk-terms.ts'

export const handle: Handle<typeof getRiskParameters> = async ({ query }) => {
  const termsOf = await riskTermsAt(query.at === undefined ? Date.now() : Date.parse(query.at))
  return { status: 200, body: riskParametersView(termsOf(query.underlying)) }
}
