import * as z from 'zod'
import { getExecution, replaceExecution } from '#adapters/tables/arbitrage-executions.ts'
import { accept } from '#domain/outcome.ts'
import { logger, serveTask } from '../shell/task.ts'
import { caughtFailure, toldFailure } from '../shell/told-failure.ts'
import { arbitrageStep } from './arbitrage-step.ts'

const input = z.object({
  ...arbitrageStep.shape,
  failure: caughtFailure,
})

/** Ends the attempt in the head, so that a person may go on; what was done stays done. */
export const handler = serveTask(input, async ({ failure, ...step }) => {
  const row = await getExecution(step.execution_id)
  const told = toldFailure(failure)
  logger.error('an arbitrage failed', { ...step, failure: told })
  if (row?.state === 'running') {
    const updatedAtMillis = Math.max(Date.now(), row.updatedAtMillis + 1)
    if (!(await replaceExecution({ ...row, state: 'failed', failure: told, updatedAtMillis }, row)))
      throw new Error(`${row.executionId} has changed since it was read`)
  }
  return accept({ execution_id: step.execution_id })
})
