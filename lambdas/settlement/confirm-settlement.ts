import * as z from 'zod'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { accept } from '#domain/outcome.ts'
import { askedOnceMore, haveBeenEnough, polls } from '../shell/engine-polls.ts'
import { serveTask } from '../shell/task.ts'
import { advanceSettlement, SettlementError, settlementRow, settlementStep } from './settlement-step.ts'

const input = z.object({ ...settlementStep.shape, polls })

/** Whether the engine has paid it, now or before: that it is settled already is what was wanted. */
export const handler = serveTask(input, async ({ polls: asked, ...step }) => {
  const row = await settlementRow(step)
  const told = { ...step, ...askedOnceMore(asked) }
  if (row.state === 'settled') return accept({ ...told, is_done: true })
  if (row.commandId === undefined) throw new Error(`${row.instrumentName} was not posted`)
  const outcome = await getOutcome(row.commandId)
  if (outcome === undefined) {
    if (haveBeenEnough(asked)) throw new SettlementError('SettlementUnanswered', 'the engine has not answered')
    return accept({ ...told, is_done: false })
  }
  if (!outcome.accepted && outcome.code !== 'instrument-settled')
    throw new SettlementError('SettlementRejected', outcome.code ?? 'rejected')
  await advanceSettlement(row, { state: 'settled' })
  return accept({ ...told, is_done: true })
})
