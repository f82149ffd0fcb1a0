import { putCommands } from '#adapters/streams/orders.ts'
import { type ApprovalRow, getApproval } from '#adapters/tables/approval-requests.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import type { approveFundWithdrawal } from '#protocol/operations/fund-withdrawals.ts'
import type { Handle } from '../shell/http.ts'
import { approvedBySecond } from '../shell/second-person.ts'
import { pollUntil, preferWait } from '../shell/wait.ts'
import { fundWithdrawalView, payoutCommandId, payoutOf } from './fund-withdrawal.ts'

export const handle: Handle<typeof approveFundWithdrawal> = async ({ path, principal, headers }) => {
  const asked = await getApproval('fund-withdrawal', path.request_id.toLowerCase())
  if (asked === undefined) return { code: 'not-found' }
  const approved = await approvedBySecond(asked, principal, Date.now())
  if ('code' in approved) return approved
  const { row, repeated } = approved
  const wait = preferWait(headers)
  const commandId = payoutCommandId(row)
  let outcome = repeated ? await getOutcome(commandId) : undefined
  if (outcome === undefined) {
    await putCommands(payoutOf(row).lane, [commandOf(row)])
    outcome = wait && (await pollUntil(() => getOutcome(commandId), wait.untilMillis))
  }
  return {
    status: wait !== undefined && outcome !== undefined ? 200 : 202,
    body: fundWithdrawalView(row, outcome, Date.now()),
    headers: { location: '/api/v1/fund-withdrawals', ...wait?.headers },
  }
}

const commandOf = (row: ApprovalRow) => {
  const { accountId, instrumentId, quantity } = payoutOf(row)
  const commandId = payoutCommandId(row)
  return instrumentId === 0
    ? ({ type: 'withdraw', commandId, accountId, amountMicros: quantity } as const)
    : ({ type: 'withdraw-collateral', commandId, accountId, instrumentId, quantityLots: quantity } as const)
}
