import { type BidRow, bidsOfAuction, noteEnd } from '#adapters/tables/day-ahead-bids.ts'
import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { auctionOf, pollingStep, progress } from './auction-step.ts'
import { answersOf } from './engine-answers.ts'
import { bidStates, commandsOf } from './placed-bids.ts'

/**
 * Waits until every bid that is stored is answered. What nobody has answered is sent again: the gate is closed, so what the
 * engine never heard of is refused now, and a bid that is stored from here on can only be refused.
 */
export const handler = serveTask(pollingStep, async ({ polls, ...step }) => {
  const row = await auctionOf(step)
  if (row.state !== 'closed') return accept(progress(step, polls, true))
  const bids = await bidsOfAuction(row.lane, row.deliveryDate)
  const answers = await answersOf(row.lane, commandsOf(bids))
  if (answers !== undefined) await noteEnds(bids)
  return accept(progress(step, polls, answers !== undefined))
})

const sideBySide = 16

/** The engine's answers are kept for a month, the bids for good. */
const noteEnds = async (bids: readonly BidRow[]): Promise<void> => {
  const fresh = (await bidStates(bids)).filter(({ row }) => row.ended === undefined)
  for (let at = 0; at < fresh.length; at += sideBySide)
    await Promise.all(fresh.slice(at, at + sideBySide).map(({ row, ...ended }) => noteEnd(row, ended)))
}
