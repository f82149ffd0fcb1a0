import * as z from 'zod'
import { getLiquidation, replaceLiquidation } from '#adapters/tables/liquidations.ts'
import { accept } from '#domain/outcome.ts'
import { logger, serveTask } from '../shell/task.ts'
import { liquidationStep } from './liquidation-step.ts'

const input = z.object({
  ...liquidationStep.shape,
  /** As the workflow caught it. */
  failure: z.object({ Error: z.string(), Cause: z.string().optional() }),
})

const longestTold = 500

/** Ends the attempt in the head, so that a person may go on; the account stays as it is, and blocked. */
export const handler = serveTask(input, async ({ failure, ...step }) => {
  const row = await getLiquidation(step.liquidation_id)
  const told = toldFailure(failure.Error, failure.Cause)
  logger.error('a liquidation failed', { ...step, failure: told })
  if (row !== undefined && (row.state === 'called' || row.state === 'running')) {
    const updatedAtMillis = Math.max(Date.now(), row.updatedAtMillis + 1)
    if (!(await replaceLiquidation({ ...row, state: 'failed', failure: told, updatedAtMillis }, row)))
      throw new Error(`${step.liquidation_id} has changed meanwhile`)
  }
  return accept(step)
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
