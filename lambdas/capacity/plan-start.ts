import { beginPlan, getCurrentPlanId, getPlan, type PlanRow, replacePlan } from '#adapters/tables/capacity-plans.ts'
import { startWorkflow } from '#adapters/workflows.ts'

/** An execution that is older has ended, whatever became of it: TimeoutSeconds of the workflow, and some more. */
export const longestPlanMillis = 1_800_000 + 120_000

export const isUnderWay = ({ state }: PlanRow): boolean => state === 'planning' || state === 'reserving'

/** The plan of that id, begun once; `busy` where another one is under way. */
export const startPlan = async (
  planId: string,
  account: string | undefined,
): Promise<PlanRow | { readonly busy: string }> => {
  const known = await getPlan(planId)
  if (known !== undefined) return known
  const currentId = await getCurrentPlanId()
  const current = currentId === undefined ? undefined : await getPlan(currentId)
  if (current !== undefined && isUnderWay(current)) return { busy: current.planId }
  const nowMillis = Date.now()
  const row: PlanRow = {
    planId,
    state: 'planning',
    attempt: 1,
    ...(account !== undefined && { account }),
    requestedAtMillis: nowMillis,
    updatedAtMillis: nowMillis,
    requests: 0,
    served: 0,
    costMicros: 0,
  }
  if (await beginPlan(row, currentId)) {
    await startExecution(row)
    return row
  }
  const winner = await getCurrentPlanId()
  return (await getPlan(planId)) ?? { busy: winner ?? planId }
}

/** One whose execution has ended without a word goes on where it stopped. */
export const resumePlan = async (row: PlanRow): Promise<void> => {
  const next = { ...row, attempt: row.attempt + 1, updatedAtMillis: Math.max(Date.now(), row.updatedAtMillis + 1) }
  if (await replacePlan(next, row)) await startExecution(next)
}

/** Once for each attempt. */
const startExecution = ({ planId, attempt }: PlanRow): Promise<boolean> =>
  startWorkflow('capacity-plan', `${planId}-${attempt}`, { plan_id: planId, polls: 0 })
