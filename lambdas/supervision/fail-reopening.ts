import * as z from 'zod'
import { getReopening } from '#adapters/tables/lane-reopenings.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { caughtFailure } from '../shell/told-failure.ts'
import { advanceReopening, reopeningStep } from './reopening-step.ts'

const input = z.object({
  ...reopeningStep.shape,
  failure: caughtFailure,
})

/** Ends the reopening in its row, so that another may begin; nothing is undone. */
export const handler = serveTask(input, async ({ lane, reopening_id, failure }) => {
  const row = await getReopening(lane)
  const isOurs = row?.reopeningId === reopening_id && row.state !== 'reopened' && row.state !== 'failed'
  if (isOurs) await advanceReopening(row, { ...row, state: 'failed', failure: failure.Error })
  return accept({ lane, reopening_id })
})
