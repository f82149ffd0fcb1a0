import { getPlan } from '#adapters/tables/capacity-plans.ts'
import type { getCapacityPlan } from '#protocol/operations/capacity.ts'
import type { Handle } from '../shell/http.ts'
import { planView } from './plan-view.ts'

/** A plan is everybody's; what it has decided for an account is that account's. */
export const handle: Handle<typeof getCapacityPlan> = async ({ path, principal }) => {
  const row = await getPlan(path.plan_id)
  if (row === undefined) return { code: 'not-found' }
  return { status: 200, body: await planView(row, principal.account) }
}
