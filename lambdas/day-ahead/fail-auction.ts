import * as z from 'zod'
import { getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { accept } from '#domain/outcome.ts'
import { logger, serveTask } from '../shell/task.ts'
import { caughtFailure, toldFailure } from '../shell/told-failure.ts'
import { advanceAuction, auctionStep } from './auction-step.ts'

const input = z.object({
  ...auctionStep.shape,
  failure: caughtFailure,
})

/** Ends the attempt in the row; the sweep begins another a quarter of an hour later, from where it was. */
export const handler = serveTask(input, async ({ failure, ...step }) => {
  const row = await getAuction(step.lane, step.delivery_date)
  const told = toldFailure(failure)
  logger.error('a day-ahead auction failed', { ...step, failure: told })
  const isOurs = row?.attempt === step.attempt && !['done', 'cancelled', 'failed'].includes(row.state)
  if (isOurs) await advanceAuction(row, { state: 'failed', failedFrom: row.state, failure: told })
  return accept(step)
})
