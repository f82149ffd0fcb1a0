import { replacePlan } from '#adapters/tables/capacity-plans.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { isUnderWay } from './plan-start.ts'
import { planRow, planStep } from './plan-step.ts'

const longestTold = 300

/** So that another plan may begin. What is planned and not booked the sweep goes on with. */
export const handler = serveTask(planStep, async step => {
  const row = await planRow(step.plan_id)
  if (isUnderWay(row)) {
    const { Error: name = 'unknown', Cause: cause = '' } = step.failure ?? {}
    const failed = {
      ...row,
      state: 'failed' as const,
      failure: `${name}: ${cause}`.slice(0, longestTold),
      updatedAtMillis: Math.max(Date.now(), row.updatedAtMillis + 1),
    }
    if (!(await replacePlan(failed, row))) throw new Error(`the plan ${row.planId} has changed meanwhile`)
  }
  return accept({ plan_id: row.planId })
})
