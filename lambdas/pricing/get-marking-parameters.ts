import type { getMarkingParameters } from '#protocol/operations/pricing.ts'
import type { Handle } from '../shell/http.ts'
import { markingTermsAt, markingView } from './marking-terms.ts'

export const handle: Handle<typeof getMarkingParameters> = async ({ query }) => {
  const termsOf = await markingTermsAt(query.at === undefined ? Date.now() : Date.parse(query.at))
  return { status: 200, body: markingView(termsOf(query.underlying)) }
}
