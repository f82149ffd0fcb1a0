import type { optimizeCapacity } from '#protocol/operations/capacity.ts'
import type { Handle } from '../shell/http.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { startPlan } from './plan-start.ts'
import { planView } from './plan-view.ts'

export const handle: Handle<typeof optimizeCapacity> = async ({ principal, idempotencyKey }) => {
  const planId = nameBasedUuid(`capacity-plan#${principal.account}#${idempotencyKey}`)
  const started = await startPlan(planId, principal.account)
  if ('busy' in started) return { code: 'capacity-plan-under-way', detail: `The plan ${started.busy} is under way.` }
  return {
    status: 202,
    body: await planView(started, principal.account),
    headers: { location: `/api/v1/capacity/plans/${planId}` },
  }
}
