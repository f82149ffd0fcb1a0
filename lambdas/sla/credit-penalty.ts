import * as z from 'zod'
import { accept } from '#domain/outcome.ts'
import { askedOnceMore, haveBeenEnough, polls } from '../shell/engine-polls.ts'
import { serveTask } from '../shell/task.ts'
import { advance, EnforcementError, enforcementOf, enforcementStep } from './enforcement-step.ts'
import { payPenalty } from './penalty-payment.ts'

const input = z.object({ ...enforcementStep.shape, polls })

/** Has the change of the month's penalty paid, and asked again after a pause, says whether it is. */
export const handler = serveTask(input, async ({ polls: asked, ...step }) => {
  const { contract, row } = await enforcementOf(step)
  const told = { ...step, ...askedOnceMore(asked) }
  if (row.state !== 'posted') return accept({ ...told, is_done: true })
  const { contractId, month, version, due, previousPenaltyMicros, attempt } = row
  if (due === undefined || previousPenaltyMicros === undefined) throw new Error(`${contractId} ${month} is not posted`)
  const changeMicros = due.penaltyMicros - previousPenaltyMicros
  const { providerAccount, buyerAccount } = contract
  const isReversal = changeMicros < 0
  const isPaid =
    changeMicros === 0 ||
    (await payPenalty({
      name: `${contractId}:${month}:${version}`,
      fromAccount: isReversal ? buyerAccount : providerAccount,
      toAccount: isReversal ? providerAccount : buyerAccount,
      amountMicros: Math.abs(changeMicros),
      isReversal,
      attempt,
    }))
  if (!isPaid) {
    if (haveBeenEnough(asked)) throw new EnforcementError('PaymentUnanswered', 'the engine has not answered')
    return accept({ ...told, is_done: false })
  }
  await advance(row, { state: 'credited', paymentState: changeMicros === 0 ? 'none' : 'paid' })
  return accept({ ...told, is_done: true })
})
