import { getPlan } from '#adapters/tables/capacity-plans.ts'
import type { optimizeCapacity } from '#protocol/operations/capacity.ts'
import type { Handle } from '../shell/http.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { isUnderWay, startPlan } from './plan-start.ts'
import { planView } from './plan-view.ts'

export const handle: Handle<typeof optimizeCapacity> = async ({ principal, headers, idempotencyKey }) => {
  const planId = nameBasedUuid(`capacity-plan#${principal.account}#${idempotencyKey}`)
  const started = await startPlan(planId, principal.account)
  if ('busy' in started) return { code: 'capacity-plan-under-way', detail: `The plan ${started.busy} is under way.` }
  const wait = preferWait(headers)
  const made =
    wait &&
    (await pollUntil(async () => {
      const read = await getPlan(planId)
      return read === undefined || isUnderWay(read) ? undefined : read
    }, wait.untilMillis))
  return {
    status: made === undefined ? 202 : 200,
    body: await planView(made ?? started, principal.account),
    headers: { location: `/api/v1/capacity/plans/${planId}`, ...wait?.headers },
  }
}
