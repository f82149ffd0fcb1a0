import * as z from 'zod'
import { getPlan, type PlanRow } from '#adapters/tables/capacity-plans.ts'
import { commandId } from '#protocol/values.ts'
import { caughtFailure } from '../shell/told-failure.ts'

/** What every step of the workflow is given; all else is in the plan's rows. */
export const planStep = z.object({
  plan_id: commandId,
  polls: z.int().min(0).default(0),
  failure: caughtFailure.optional(),
})

export interface PlanStepAnswer {
  readonly plan_id: string
  readonly polls: number
  readonly is_done: boolean
  readonly wait_seconds: number
}

/** Ends a step by a name that the workflow knows: see stepfunctions/capacity-plan.asl.json. */
export class PlanError extends Error {
  constructor(name: 'PlanUnknown' | 'PlanUnbooked', message: string) {
    super(message)
    this.name = name
  }
}

export const planRow = async (planId: string): Promise<PlanRow> => {
  const row = await getPlan(planId)
  if (row === undefined) throw new PlanError('PlanUnknown', `the plan ${planId} was never begun`)
  return row
}
