import * as z from 'zod'
import { getExecution, replaceExecution } from '#adapters/tables/arbitrage-executions.ts'
import { accept } from '#domain/outcome.ts'
import { logger, serveTask } from '../shell/task.ts'
import { arbitrageStep } from './arbitrage-step.ts'

const input = z.object({
  ...arbitrageStep.shape,
  /** As the workflow caught it. */
  failure: z.object({ Error: z.string(), Cause: z.string().optional() }),
})

const longestTold = 500

/** Ends the attempt in the head, so that a person may go on; what was done stays done. */
export const handler = serveTask(input, async ({ failure, ...step }) => {
  const row = await getExecution(step.execution_id)
  const told = toldFailure(failure.Error, failure.Cause)
  logger.error('an arbitrage failed', { ...step, failure: told })
  if (row?.state === 'running') {
    const updatedAtMillis = Math.max(Date.now(), row.updatedAtMillis + 1)
    if (!(await replaceExecution({ ...row, state: 'failed', failure: told, updatedAtMillis }, row)))
      throw new Error(`${row.executionId} has changed since it was read`)
  }
  return accept({ execution_id: step.execution_id })
})
const cause = z.object({ errorMessage: z.string() })

/** The name of the error, and what a task said of it. */
const toldFailure = (name: string, text: string | undefined): string => {
  try {
    const parsed = cause.safeParse(JSON.parse(text ?? ''))
    return (parsed.success ? `${name}: ${parsed.data.errorMessage}` : name).slice(0, longestTold)
  } catch {
    // Not written by a function: a timeout has no cause.
    return name
  }
}
