import { accept } from '#domain/outcome.ts'
import { serveTask } from '../shell/task.ts'
import { advance, enforcementOf, enforcementStep } from './enforcement-step.ts'
import { payPenalty } from './penalty-payment.ts'

/** Has the change of the month's penalty paid. */
export const handler = serveTask(enforcementStep, async step => {
  const { contract, row } = await enforcementOf(step)
  if (row.state !== 'posted') return accept(step)
  const { contractId, month, version, due, previousPenaltyMicros } = row
  if (due === undefined || previousPenaltyMicros === undefined) throw new Error(`${contractId} ${month} is not posted`)
  const changeMicros = due.penaltyMicros - previousPenaltyMicros
  const { providerAccount, buyerAccount } = contract
  const paymentState =
    changeMicros === 0
      ? 'none'
      : await payPenalty({
          name: `${contractId}:${month}:${version}`,
          fromAccount: changeMicros > 0 ? providerAccount : buyerAccount,
          toAccount: changeMicros > 0 ? buyerAccount : providerAccount,
          amountMicros: Math.abs(changeMicros),
        })
  await advance(row, { state: 'credited', paymentState })
  return accept(step)
})
