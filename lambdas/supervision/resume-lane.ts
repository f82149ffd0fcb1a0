import { resumeLane } from '#adapters/tables/lanes.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { advanceReopening, reopeningRow, reopeningStep } from './reopening-step.ts'

/**
 * Lets the lane be led again, at most once: noted first, so that a step that runs twice never undoes another halt, of
 * which nobody has compared the matchers.
 */
export const handler = serveTask(reopeningStep, async ({ lane, reopening_id }) => {
  const row = await reopeningRow(lane, reopening_id)
  if (row.state === 'halting') {
    await advanceReopening(row, { ...row, state: 'resuming' })
    await resumeLane(lane)
  }
  return accept({ lane, reopening_id })
})
