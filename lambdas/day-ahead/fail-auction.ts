import * as z from 'zod'
import { getAuction } from '#adapters/tables/day-ahead-auctions.ts'
import { accept } from '#domain/outcome.ts'
import { logger, serveTask } from '../shell/task.ts'
import { advanceAuction, auctionStep } from './auction-step.ts'

const input = z.object({
  ...auctionStep.shape,
  /** As the workflow caught it. */
  failure: z.object({ Error: z.string(), Cause: z.string().optional() }),
})

const longestTold = 500

/** Ends the attempt in the row; the sweep begins another a quarter of an hour later, from where it was. */
export const handler = serveTask(input, async ({ failure, ...step }) => {
  const row = await getAuction(step.lane, step.delivery_date)
  const told = `${failure.Error}: ${failure.Cause ?? ''}`.slice(0, longestTold)
  logger.error('a day-ahead auction failed', { ...step, failure: told })
  const isOurs = row?.attempt === step.attempt && !['done', 'cancelled', 'failed'].includes(row.state)
  if (isOurs) await advanceAuction(row, { state: 'failed', failedFrom: row.state, failure: told })
  return accept(step)
})
