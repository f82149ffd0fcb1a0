import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { setGateCommand } from './auction-gate.ts'
import { AuctionError, advanceAuction, auctionOf, pollingStep, progress } from './auction-step.ts'
import { answersOf } from './engine-answers.ts'

/** Has the engine close the gate: from its word on no bid is taken, whatever any clock says. */
export const handler = serveTask(pollingStep, async ({ polls, ...step }) => {
  const row = await auctionOf(step)
  if (row.state !== 'closing') return accept(progress(step, polls, true))
  const command = setGateCommand(row.lane, row.deliveryDate, 'closed')
  const outcome = (await answersOf(row.lane, [command]))?.get(command.commandId)
  if (outcome === undefined) return accept(progress(step, polls, false))
  // One that was never opened has taken no bid either.
  if (!outcome.accepted && outcome.code !== 'unknown-gate')
    throw new AuctionError('GateRefused', outcome.code ?? 'rejected')
  await advanceAuction(row, { state: 'closed', closedAtMillis: outcome.atMillis })
  return accept(progress(step, polls, true))
})
