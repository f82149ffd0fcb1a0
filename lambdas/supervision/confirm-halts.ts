import * as z from 'zod'
import { getLease } from '#adapters/tables/lanes.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { ReopeningError, reopeningCommandId, reopeningRow, reopeningStep } from './reopening-step.ts'

/** Asked every two seconds: five minutes. */
const mostPolls = 150

const input = z.object({ ...reopeningStep.shape, polls: z.int().min(0).default(0) })

/** Whether somebody leads and every market has its answer: it is halted, or was so before. */
export const handler = serveTask(input, async ({ lane, reopening_id, polls }) => {
  const row = await reopeningRow(lane, reopening_id)
  const { halted, epoch } = await getLease(lane)
  if (halted !== undefined) throw new ReopeningError('LaneHaltedAgain', `lane ${lane} is halted: ${halted}`)
  const answered = await Promise.all(
    (row.instrumentIds ?? []).map(each => getOutcome(reopeningCommandId(row, 'halt', each))),
  )
  const isDone = epoch > row.epoch && !answered.includes(undefined)
  if (!isDone && polls >= mostPolls)
    throw new ReopeningError('LaneNotLed', `lane ${lane} has not halted its markets: epoch ${epoch}`)
  return accept({ lane, reopening_id, polls: polls + 1, is_done: isDone })
})
