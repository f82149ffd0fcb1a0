import * as z from 'zod'
import { type ApprovalRow, getApproval, replaceApproval } from '#adapters/tables/approval-requests.ts'
import type { OutcomeRow } from '#adapters/tables/outcomes.ts'
import type { fundWithdrawal } from '#protocol/operations/fund-withdrawals.ts'
import type { Principal } from '../shell/http.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { approveBeforeMillis } from '../shell/second-person.ts'

const fundPayout = z.object({
  account: z.string(),
  lane: z.number().int(),
  accountId: z.number().int(),
  /** USD, or the name of the asset. */
  asset: z.string(),
  amount: z.string(),
  /** Of an asset; 0 is cash. */
  instrumentId: z.number().int(),
  /** Micros of cash, lots of an asset. */
  quantity: z.number().int(),
})

/** What is to leave an insurance fund. */
export type FundPayout = z.infer<typeof fundPayout>

export const payoutOf = (row: ApprovalRow): FundPayout => fundPayout.parse(JSON.parse(row.asked))

export const payoutCommandId = (row: ApprovalRow): string => nameBasedUuid(`fund-withdrawal#${row.requestId}`)

/** Under the name that it was asked under, so that a repeat asks for nothing more; another one under it is a conflict. */
export const requestPayout = async (
  { account, credential }: Principal,
  idempotencyKey: string,
  payout: FundPayout,
): Promise<ApprovalRow | { readonly code: 'idempotency-conflict' }> => {
  const row: ApprovalRow = {
    kind: 'fund-withdrawal',
    requestId: nameBasedUuid(`fund-withdrawal#${account}#${idempotencyKey}`),
    asked: JSON.stringify(payout),
    base: '',
    reason: '',
    requestedBy: { account, credential },
    requestedAtMillis: Date.now(),
  }
  if (await replaceApproval(row, undefined)) return row
  const before = await getApproval(row.kind, row.requestId)
  return before?.asked === row.asked ? before : { code: 'idempotency-conflict' }
}

export const fundWithdrawalView = (
  row: ApprovalRow,
  outcome: OutcomeRow | undefined,
  nowMillis: number,
): z.infer<typeof fundWithdrawal> => {
  const { account, lane, asset, amount } = payoutOf(row)
  return {
    request_id: row.requestId,
    account,
    lane,
    asset,
    amount,
    request_state: stateOf(row, outcome, nowMillis),
    reject_reason: outcome?.code ?? null,
    requested_by: row.requestedBy.account,
    requested_at: new Date(row.requestedAtMillis).toISOString(),
    approved_by: row.approvedBy?.account ?? null,
    approved_at: row.approvedAtMillis === undefined ? null : new Date(row.approvedAtMillis).toISOString(),
    approve_before: new Date(approveBeforeMillis(row)).toISOString(),
  }
}

const stateOf = (row: ApprovalRow, outcome: OutcomeRow | undefined, nowMillis: number) => {
  if (row.approvedAtMillis === undefined) return nowMillis < approveBeforeMillis(row) ? 'awaiting_approval' : 'lapsed'
  if (outcome === undefined) return 'submitted'
  return outcome.accepted ? 'completed' : 'rejected'
}
