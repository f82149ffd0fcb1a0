import * as z from 'zod'
import { operation } from '../operation.ts'
import {
  accountName,
  decimalText,
  instant,
  instrumentName,
  lane,
  pageOf,
  pageQuery,
  positiveDecimalText,
  signedDecimalText,
} from '../values.ts'

export const account = z
  .object({
    account: z.string(),
    lane,
    account_state: z.enum(['opening', 'open', 'failed']),
    currency: z.literal('USD'),
    balance: signedDecimalText,
    creation_timestamp: instant,
  })
  .meta({ id: 'Account' })

export const openAccount = operation({
  context: 'ledger',
  name: 'open-account',
  method: 'POST',
  path: '/api/v1/accounts',
  permission: 'accounts:open',
  summary: 'Open the account of the credential',
  description:
    'Starts the workflow open-account. A market operator or admin may name another account, and a firm, in the body; anyone else only their own account, which is a firm of its own. Repeating it gives the account as it is.',
  weight: 5,
  request: {
    body: z
      .strictObject({
        account: accountName.optional(),
        lane: lane.optional(),
        firm: accountName
          .optional()
          .meta({ description: 'Whose kill switch stops it too; the account is a firm of its own unless told' }),
      })
      .optional(),
  },
  responses: {
    202: { description: 'Being opened', schema: account },
    200: { description: 'Open (already, or with Prefer: wait=<seconds>)', schema: account },
  },
  rejections: ['account-limit'],
})

export const getAccount = operation({
  context: 'ledger',
  name: 'get-account',
  method: 'GET',
  path: '/api/v1/accounts/{account}',
  permission: 'accounts:read',
  summary: 'Read your account and its cash balance',
  request: { path: z.strictObject({ account: accountName }) },
  responses: { 200: { description: 'The account', schema: account } },
  rejections: ['not-found'],
})

export const deposit = z
  .object({
    deposit_id: z.string(),
    account: z.string(),
    currency: z.literal('USD'),
    amount: decimalText,
    deposit_state: z.enum(['pending', 'completed', 'rejected']),
    reject_reason: z.string().nullable(),
  })
  .meta({ id: 'Deposit' })

export const depositCash = operation({
  context: 'ledger',
  name: 'deposit-cash',
  method: 'POST',
  path: '/api/v1/deposits',
  permission: 'deposits:write',
  summary: 'Credit cash to an account',
  idempotency: 'header',
  weight: 2,
  request: {
    body: z.strictObject({ account: accountName, currency: z.literal('USD'), amount: positiveDecimalText }),
  },
  responses: {
    202: { description: 'Taken by the order stream', schema: deposit },
    200: { description: 'The outcome (with Prefer: wait=<seconds>)', schema: deposit },
  },
  rejections: ['unknown-account', 'amount-out-of-range', 'idempotency-key-required', 'idempotency-conflict'],
})

export const getDeposit = operation({
  context: 'ledger',
  name: 'get-deposit',
  method: 'GET',
  path: '/api/v1/deposits/{deposit_id}',
  permission: 'deposits:write',
  summary: 'Read one of the deposits that you made',
  request: { path: z.strictObject({ deposit_id: z.uuid() }) },
  responses: { 200: { description: 'The deposit', schema: deposit } },
  rejections: ['not-found'],
})

export const position = z
  .object({
    instrument_name: z.string(),
    size: signedDecimalText,
    direction: z.enum(['buy', 'sell', 'zero']),
    average_price: decimalText.nullable(),
    realized_profit_loss: signedDecimalText,
    last_update_timestamp: instant,
  })
  .meta({ id: 'Position' })

export const listPositions = operation({
  context: 'ledger',
  name: 'list-positions',
  method: 'GET',
  path: '/api/v1/positions',
  permission: 'positions:read',
  summary: 'List your positions, by instrument',
  weight: 2,
  request: { query: z.strictObject({ ...pageQuery, instrument_name: instrumentName.optional() }) },
  responses: { 200: { description: 'A page of positions', schema: pageOf(position) } },
  rejections: ['account-not-open', 'invalid-cursor'],
})

export const ledgerOperations = [openAccount, getAccount, depositCash, getDeposit, listPositions] as const
