import * as z from 'zod'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { appraise } from './settlement-inputs.ts'
import { advanceSettlement, settlementRow, settlementStep } from './settlement-step.ts'

const input = z.object({ ...settlementStep.shape, polls: z.int().min(0).default(0) })

const longestPauseSeconds = 60

/** Whether all that the price follows from is there, or has been waited for long enough. */
export const handler = serveTask(input, async ({ polls, ...step }) => {
  const row = await settlementRow(step)
  const pause = (isDone: boolean) =>
    accept({
      ...step,
      polls: polls + 1,
      is_done: isDone,
      wait_seconds: Math.min(2 ** (polls + 1), longestPauseSeconds),
    })
  if (row.priceTicks !== undefined) return pause(true)
  const nowMillis = Date.now()
  const { price } = await appraise(row, nowMillis)
  if (price.state !== 'missing' && price.state !== 'pending') return pause(true)
  // Another settlement is waited for without an end: only after it does the wait for observations begin.
  const { waitingSinceMillis } = row
  const since = price.state === 'missing' ? (waitingSinceMillis ?? nowMillis) : waitingSinceMillis
  if (since !== waitingSinceMillis || price.missing.join() !== row.missing.join())
    await advanceSettlement(row, {
      missing: price.missing,
      ...(since !== undefined && { waitingSinceMillis: since }),
    })
  return pause(false)
})
