import { getBalance } from '#adapters/tables/balances.ts'
import { accept } from '#domain/outcome.ts'
import { insuranceFund } from '../shell/insurance-fund.ts'
import { serveTask } from '../shell/task.ts'
import { askEngine } from './engine-answer.ts'
import { fundMeans } from './fund-means.ts'
import { isTakenOver, liquidationStep, lossTurn, takeStep } from './liquidation-step.ts'
import { liquidationTermsAt } from './liquidation-terms.ts'
import { numberIn } from './step-numbers.ts'

/** The insurance fund pays what the account owes, as far as it has it and may. */
export const handler = serveTask(liquidationStep, async input =>
  accept(
    await takeStep(input, {
      kind: 'cover-loss',
      ask: askEngine,
      // What the fund may pay yet is what it has not paid to another.
      turn: lossTurn,
      decide: async (head, { at = head }, id) => {
        const { liquidationId } = head
        const { lane, accountId } = at
        const nowMillis = Date.now()
        const [balance, fund, { terms }] = await Promise.all([
          getBalance(accountId, 'USD'),
          insuranceFund(lane),
          liquidationTermsAt(nowMillis),
        ])
        const lossMicros = Math.max(0, -(balance?.cashMicros ?? 0))
        if (fund === undefined) return { numbers: { lane, lossMicros, fund: null, paysMicros: 0 } }
        const means = await fundMeans(fund, terms.fund_limit_ppm, nowMillis)
        const paysMicros = Math.min(lossMicros, means.freeMicros, means.allowedMicros)
        const numbers = {
          lane,
          lossMicros,
          fund: fund.account,
          fundCashMicros: means.cashMicros,
          fundHighestMicros: means.highestMicros,
          fundPaidMicros: means.paidMicros,
          fundAllowedMicros: means.allowedMicros,
          paysMicros,
        }
        if (paysMicros === 0) return { numbers }
        return {
          numbers,
          at: { lane, accountId },
          command: {
            type: 'cover-loss',
            commandId: id,
            liquidationId,
            accountId,
            fundAccountId: fund.accountId,
            amountMicros: paysMicros,
          },
        }
      },
      conclude: ({ attempt }, { numbers, progress }, said) => {
        const isAllPaid = numberIn(numbers, 'paysMicros') >= numberIn(numbers, 'lossMicros')
        if (isTakenOver(said)) return { next: 'end', progress }
        if (said?.accepted === false)
          // It has changed since it was read: asked again with what it is now.
          return { next: 'plan', progress: { ...progress, coverTries: progress.coverTries + 1 } }
        // Of a loss that comes later it is asked again, unless this was all that it may pay.
        return { next: 'plan', progress: isAllPaid ? progress : { ...progress, fundSpentAttempt: attempt } }
      },
    }),
  ),
)
