import { accept } from '#domain/outcome.ts'
import type { ReleaseHold } from '#domain/trading/commands.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { serveTask } from '../shell/task.ts'
import { AuctionError, advanceAuction, auctionOf, pollingStep, progress } from './auction-step.ts'
import { answersOf } from './engine-answers.ts'
import { placedBids } from './placed-bids.ts'

/** Frees what the bids hold: what was awarded is a position by now, with margin like any other. */
export const handler = serveTask(pollingStep, async ({ polls, ...step }) => {
  const row = await auctionOf(step)
  const { state, lane, deliveryDate } = row
  if (state !== 'awarded' && state !== 'cancelling') return accept(progress(step, polls, true))
  const commands = (await placedBids(lane, deliveryDate)).map(
    ({ bidId, accountId }): ReleaseHold => ({
      type: 'release-hold',
      commandId: nameBasedUuid(['day-ahead-release', bidId].join('#')),
      accountId,
      holdId: bidId,
    }),
  )
  const answers = await answersOf(lane, commands)
  if (answers === undefined) return accept(progress(step, polls, false))
  for (const { accepted, code } of answers.values())
    if (!accepted && code !== 'unknown-hold') throw new AuctionError('ReleaseRefused', code ?? 'rejected')
  await advanceAuction(row, { state: state === 'awarded' ? 'released' : 'cancelled' })
  return accept(progress(step, polls, true))
})
