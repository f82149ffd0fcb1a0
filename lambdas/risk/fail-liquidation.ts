import * as z from 'zod'
import { getLiquidation, replaceLiquidation } from '#adapters/tables/liquidations.ts'
import { accept } from '#domain/outcome.ts'
import { logger, serveTask } from '../shell/task.ts'
import { caughtFailure, toldFailure } from '../shell/told-failure.ts'
import { liquidationStep } from './liquidation-step.ts'

const input = z.object({
  ...liquidationStep.shape,
  failure: caughtFailure,
})

/** Ends the attempt in the head, so that a person may go on; the account stays as it is, and blocked. */
export const handler = serveTask(input, async ({ failure, ...step }) => {
  const row = await getLiquidation(step.liquidation_id)
  const told = toldFailure(failure)
  logger.error('a liquidation failed', { ...step, failure: told })
  if (row !== undefined && (row.state === 'called' || row.state === 'running')) {
    const updatedAtMillis = Math.max(Date.now(), row.updatedAtMillis + 1)
    if (!(await replaceLiquidation({ ...row, state: 'failed', failure: told, updatedAtMillis }, row)))
      throw new Error(`${step.liquidation_id} has changed meanwhile`)
  }
  return accept(step)
})
