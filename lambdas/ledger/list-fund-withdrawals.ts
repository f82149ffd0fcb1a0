import { listApprovals } from '#adapters/tables/approval-requests.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import type { listFundWithdrawals } from '#protocol/operations/fund-withdrawals.ts'
import type { Handle } from '../shell/http.ts'
import { fundWithdrawalView, payoutCommandId } from './fund-withdrawal.ts'

const most = 500

export const handle: Handle<typeof listFundWithdrawals> = async () => {
  const nowMillis = Date.now()
  const rows = await listApprovals('fund-withdrawal', most)
  const requests = await Promise.all(
    rows
      .toSorted((a, b) => b.requestedAtMillis - a.requestedAtMillis)
      .map(async row => {
        const outcome = row.approvedAtMillis === undefined ? undefined : await getOutcome(payoutCommandId(row))
        return fundWithdrawalView(row, outcome, nowMillis)
      }),
  )
  return { status: 200, body: { requests } }
}
