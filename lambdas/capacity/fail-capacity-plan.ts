import { replacePlan } from '#adapters/tables/capacity-plans.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { toldFailure } from '../shell/told-failure.ts'
import { isUnderWay } from './plan-start.ts'
import { planRow, planStep } from './plan-step.ts'

/** So that another plan may begin. What is planned and not booked the sweep goes on with. */
export const handler = serveTask(planStep, async step => {
  const row = await planRow(step.plan_id)
  if (isUnderWay(row)) {
    const failed = {
      ...row,
      state: 'failed' as const,
      failure: step.failure === undefined ? 'unknown' : toldFailure(step.failure),
      updatedAtMillis: Math.max(Date.now(), row.updatedAtMillis + 1),
    }
    if (!(await replacePlan(failed, row))) throw new Error(`the plan ${row.planId} has changed meanwhile`)
  }
  return accept({ plan_id: row.planId })
})
