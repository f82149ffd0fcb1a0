import * as z from 'zod'
import { operation } from '../operation.ts'
import { decimalText, instant, lane } from '../values.ts'

/** What leaves an insurance fund, which two persons decide; among the operations of the ledger. */

export const fundWithdrawal = z
  .object({
    request_id: z.uuid(),
    account: z.string().meta({ description: 'The insurance fund of the lane' }),
    lane,
    asset: z.string().meta({ description: 'USD, or the name of an asset that it holds as collateral' }),
    amount: decimalText,
    request_state: z.enum(['awaiting_approval', 'lapsed', 'submitted', 'completed', 'rejected']),
    reject_reason: z.string().nullable(),
    requested_by: z.string(),
    requested_at: instant,
    approved_by: z.string().nullable(),
    approved_at: instant.nullable(),
    approve_before: instant,
  })
  .meta({ id: 'FundWithdrawal' })

export const listFundWithdrawals = operation({
  context: 'ledger',
  name: 'list-fund-withdrawals',
  method: 'GET',
  path: '/api/v1/fund-withdrawals',
  permission: 'deposits:write',
  summary: 'List what is to leave the insurance funds, newest first',
  weight: 2,
  request: {},
  responses: {
    200: {
      description: 'Requests of the last 30 days, at most 500',
      schema: z.object({ requests: z.array(fundWithdrawal) }),
    },
  },
  rejections: [],
})

export const approveFundWithdrawal = operation({
  context: 'ledger',
  name: 'approve-fund-withdrawal',
  method: 'POST',
  path: '/api/v1/fund-withdrawals/{request_id}/approve',
  permission: 'deposits:write',
  summary: 'Approve that cash or collateral leaves an insurance fund',
  description: 'By another account and another credential than asked for it, within a day. A repeat changes nothing.',
  idempotency: 'none',
  weight: 2,
  request: { path: z.strictObject({ request_id: z.guid() }) },
  responses: {
    202: { description: 'Taken by the order stream', schema: fundWithdrawal },
    200: { description: 'The outcome (with Prefer: wait=<seconds>)', schema: fundWithdrawal },
  },
  rejections: ['not-found', 'second-person-required', 'limit-request-over'],
})

export const fundWithdrawalOperations = [listFundWithdrawals, approveFundWithdrawal] as const
