import * as z from 'zod'
import { getSettlement } from '#adapters/tables/settlements.ts'
import { accept } from '#domain/outcome.ts'
import { logger, serveTask } from '../shell/task.ts'
import { caughtFailure, toldFailure } from '../shell/told-failure.ts'
import { advanceSettlement, settlementStep } from './settlement-step.ts'

const input = z.object({
  ...settlementStep.shape,
  failure: caughtFailure,
})

/** Ends the attempt in the row, so that a person may begin another; what was paid stays paid. */
export const handler = serveTask(input, async ({ failure, ...step }) => {
  const { lane, instrument_id, settlement_kind: kind, number, attempt } = step
  const row = await getSettlement(lane, instrument_id, { kind, number })
  const told = toldFailure(failure)
  logger.error('a settlement failed', { ...step, failure: told })
  const isOurs = row?.attempt === attempt && row.state !== 'settled' && row.state !== 'failed'
  if (isOurs) await advanceSettlement(row, { state: 'failed', failure: told })
  return accept(step)
})
