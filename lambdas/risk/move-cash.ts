import { getOutcome } from '#adapters/tables/outcomes.ts'
import { accept } from '#domain/outcome.ts'
import { answerWithinMillis, sendOnce } from '../shell/send-once.ts'
import { serveTask } from '../shell/task.ts'
import { type Ask, liquidationStep, takeStep } from './liquidation-step.ts'

const pauseMillis = 2_000

/** What came of it is told by the account's ledger: there is no event of the liquidation's own. */
const askSender: Ask = async (lane, command, _, polls) => {
  const outcome = await sendOnce(lane, command, () => getOutcome(command.commandId), answerWithinMillis(polls))
  if (outcome === undefined) return undefined
  const { eventId, atMillis, accepted, code } = outcome
  if (accepted) return { accepted, numbers: {}, eventId, atMillis }
  if (code === undefined) throw new Error(`the command ${command.commandId} was refused without a reason`)
  return { accepted, code, eventId, atMillis }
}

/** Cash of the account pays what it owes in another lane, before anybody else does. */
export const handler = serveTask(liquidationStep, async input =>
  accept(
    await takeStep(input, {
      kind: 'move-cash',
      ask: askSender,
      decide: async (head, { at = head, move }, id) => {
        if (move === undefined) throw new Error('no cash is to be moved')
        const { lane, accountId } = at
        const { toLane, amountMicros } = move
        const { liquidationId } = head
        return {
          numbers: { lane, toLane, amountMicros },
          at: { lane, accountId },
          command: { type: 'send-cash', commandId: id, accountId, toLane, amountMicros, liquidationId },
        }
      },
      // Refused or not, what the account has where is read anew.
      conclude: (_, { progress }, said) => ({
        next: 'plan',
        nextAtMillis: Date.now() + pauseMillis,
        progress: said?.accepted === true ? progress : { ...progress, moveTries: (progress.moveTries ?? 0) + 1 },
      }),
    }),
  ),
)
