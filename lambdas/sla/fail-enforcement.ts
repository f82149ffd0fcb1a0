import * as z from 'zod'
import { getAssessment } from '#adapters/tables/sla-assessments.ts'
import { accept } from '#domain/outcome.ts'
import { logger, serveTask } from '../shell/task.ts'
import { caughtFailure, toldFailure } from '../shell/told-failure.ts'
import { advance, enforcementStep } from './enforcement-step.ts'

const input = z.object({
  ...enforcementStep.shape,
  failure: caughtFailure,
})

/** Ends the attempt in the row; the sweep begins another a quarter of an hour later. What was posted stays posted. */
export const handler = serveTask(input, async ({ failure, ...step }) => {
  const row = await getAssessment(step.contract_id, step.month, step.version)
  const told = toldFailure(failure)
  logger.error('an SLA enforcement failed', { ...step, failure: told })
  const isOurs = row?.attempt === step.attempt && row.state !== 'done' && row.state !== 'failed'
  if (isOurs) await advance(row, { state: 'failed', failure: told })
  return accept(step)
})
