import type { getLimitScaling } from '#protocol/operations/risk-limits.ts'
import type { Handle } from '../shell/http.ts'
import { scalingAt, scalingView } from './scaling-terms.ts'

export const handle: Handle<typeof getLimitScaling> = async ({ query }) => ({
  status: 200,
  body: scalingView((await scalingAt(Date.now()))(query.underlying)),
})
