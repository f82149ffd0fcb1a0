import * as z from 'zod'
import { laneRoles } from '#domain/trading/commands.ts'
import { operation } from '../operation.ts'
import {
  accountName,
  commandOutcome,
  decimalText,
  instant,
  instrumentName,
  lane,
  pageOf,
  pageQuery,
  positiveDecimalText,
  signedDecimalText,
} from '../values.ts'
import { fundWithdrawal, fundWithdrawalOperations } from './fund-withdrawals.ts'

export const account = z
  .object({
    account: z.string(),
    lane,
    account_state: z.enum(['opening', 'open', 'failed']),
    currency: z.literal('USD'),
    balance: signedDecimalText,
    held: decimalText.meta({ description: 'What of the balance is put by for payments that are under way' }),
    firm: z.string().meta({ description: 'Name of the main account of its firm, whose owner may act for it' }),
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
    'Starts the workflow open-account. A market operator or admin may name another account, and a firm, in the body; anyone else their own account, which is a firm of its own, and once that is open sub-accounts of it named `<account>.<name>`, at most 50. Repeating it gives the account as it is.',
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
  rejections: ['account-not-open', 'account-limit'],
})

export const getAccount = operation({
  context: 'ledger',
  name: 'get-account',
  method: 'GET',
  path: '/api/v1/accounts/{account}',
  permission: 'accounts:read',
  summary: 'Read an account of yours and its cash balance',
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
    mark_price: decimalText.nullable().meta({ description: 'As it was marked last; null where it never was' }),
    unrealized_profit_loss: signedDecimalText
      .nullable()
      .meta({ description: 'What closing all of it at the mark would add to cash, before commission' }),
    greeks: z
      .object({ delta: signedDecimalText, gamma: signedDecimalText, vega: signedDecimalText, theta: signedDecimalText })
      .nullable()
      .meta({ description: 'Of one unit, as its mark has them: vega by a volatility point, theta by a day' }),
    margin_contribution: signedDecimalText.meta({
      description:
        'The account’s requirement less what it would be without the position; below zero where it hedges the others. See GET /api/v1/margin for what it is computed by',
    }),
    last_update_timestamp: instant,
  })
  .meta({ id: 'Position' })

const ownAccount = accountName.optional().meta({
  description: 'Your own unless told; the owner of a firm’s main account may name its sub-accounts, an operator any',
})

export const listPositions = operation({
  context: 'ledger',
  name: 'list-positions',
  method: 'GET',
  path: '/api/v1/positions',
  permission: 'positions:read',
  summary: 'List your positions or those of a sub-account, by instrument',
  weight: 2,
  request: {
    query: z.strictObject({ ...pageQuery, instrument_name: instrumentName.optional(), account: ownAccount }),
  },
  responses: { 200: { description: 'A page of positions', schema: pageOf(position) } },
  rejections: ['account-not-open', 'not-found', 'invalid-cursor'],
})

export const withdrawal = z
  .object({
    withdrawal_id: z.string(),
    account: z.string(),
    currency: z.literal('USD'),
    amount: decimalText,
    withdrawal_state: z.enum(['pending', 'completed', 'rejected']),
    reject_reason: z.string().nullable(),
  })
  .meta({ id: 'Withdrawal' })

export const withdrawCash = operation({
  context: 'ledger',
  name: 'withdraw-cash',
  method: 'POST',
  path: '/api/v1/withdrawals',
  permission: 'withdrawals:write',
  summary: 'Withdraw cash',
  description:
    'Only of what is neither held nor needed: gains that are not realised can be traded on, and not taken out. What leaves an insurance fund waits for another person, with another account and credential: the answer is the request (201).',
  idempotency: 'header',
  weight: 2,
  request: {
    body: z.strictObject({ account: ownAccount, currency: z.literal('USD'), amount: positiveDecimalText }),
  },
  responses: {
    202: { description: 'Taken by the order stream', schema: withdrawal },
    200: { description: 'The outcome (with Prefer: wait=<seconds>)', schema: withdrawal },
    201: { description: 'Of an insurance fund: waits for approval', schema: fundWithdrawal },
  },
  rejections: ['unknown-account', 'engine-version-needed', 'idempotency-key-required', 'idempotency-conflict'],
})

export const getWithdrawal = operation({
  context: 'ledger',
  name: 'get-withdrawal',
  method: 'GET',
  path: '/api/v1/withdrawals/{withdrawal_id}',
  permission: 'withdrawals:write',
  summary: 'Read one of the withdrawals that you made',
  request: { path: z.strictObject({ withdrawal_id: z.uuid() }) },
  responses: { 200: { description: 'The withdrawal', schema: withdrawal } },
  rejections: ['not-found'],
})

export const transferCash = operation({
  context: 'ledger',
  name: 'transfer-cash',
  method: 'POST',
  path: '/api/v1/transfers',
  permission: 'transfers:write',
  summary: 'Transfer cash between accounts of one firm',
  description:
    'Of what could be withdrawn; both accounts in one lane, the first no insurance fund. Or between your main account and what it is called in another lane (`<account>.lane-<n>`): it leaves the one at once and is in the other a moment later, by `lane-transfer` in both ledgers. What secures another lane is refused (insufficient-margin) and asked for: send it again a moment later, under a new key.',
  idempotency: 'header',
  weight: 2,
  request: {
    body: z.strictObject({
      from_account: ownAccount,
      to_account: accountName,
      currency: z.literal('USD'),
      amount: positiveDecimalText,
    }),
  },
  responses: {
    202: { description: 'Taken by the order stream', schema: commandOutcome },
    200: { description: 'Done (with Prefer: wait=<seconds>)', schema: commandOutcome },
  },
  rejections: [
    'unknown-account',
    'transfer-not-allowed',
    'amount-out-of-range',
    'insufficient-funds',
    'insufficient-margin',
    'account-in-liquidation',
    'lane-not-joined',
    'cash-on-its-way',
    'engine-version-needed',
    'idempotency-key-required',
    'idempotency-conflict',
  ],
})

export const moveCollateral = operation({
  context: 'ledger',
  name: 'move-collateral',
  method: 'POST',
  path: '/api/v1/collateral',
  permission: 'deposits:write',
  summary: 'Credit an asset to an account as collateral, or return it',
  description:
    'The asset is an instrument of kind collateral. It counts in equity after its haircut, as the epoch of risk in force values it; what is returned must not be needed.',
  idempotency: 'header',
  weight: 2,
  request: {
    body: z.strictObject({
      account: accountName,
      instrument_name: instrumentName,
      action: z.enum(['deposit', 'withdraw']),
      amount: positiveDecimalText,
    }),
  },
  responses: {
    202: { description: 'Taken by the order stream', schema: commandOutcome },
    200: { description: 'Done (with Prefer: wait=<seconds>)', schema: commandOutcome },
    201: { description: 'Returned by an insurance fund: waits for approval', schema: fundWithdrawal },
  },
  rejections: [
    'unknown-account',
    'unknown-instrument',
    'not-collateral',
    'amount-off-lot',
    'amount-out-of-range',
    'exposure-too-large',
    'insufficient-collateral',
    'insufficient-funds',
    'insufficient-margin',
    'engine-version-needed',
    'idempotency-key-required',
    'idempotency-conflict',
  ],
})

export const collateralHolding = z
  .object({
    instrument_name: z.string(),
    asset: z.string(),
    amount: decimalText,
    haircut: decimalText
      .nullable()
      .meta({ description: 'Part of its price that does not count; null where no epoch of risk values it' }),
    value: decimalText.nullable().meta({ description: 'USD that all of it counts for after the haircut' }),
    last_update_timestamp: instant,
  })
  .meta({ id: 'CollateralHolding' })

export const listCollateral = operation({
  context: 'ledger',
  name: 'list-collateral',
  method: 'GET',
  path: '/api/v1/collateral',
  permission: 'positions:read',
  summary: 'List the assets that secure an account of yours',
  weight: 2,
  request: { query: z.strictObject({ ...pageQuery, account: ownAccount }) },
  responses: { 200: { description: 'A page of assets', schema: pageOf(collateralHolding) } },
  rejections: ['account-not-open', 'not-found', 'invalid-cursor'],
})

export const accountLane = z
  .object({
    lane,
    account: z.string().meta({ description: 'What it is called there: orders of that lane are of this account' }),
    lane_role: z.enum(laneRoles).meta({ description: 'home: where its cash is' }),
    lane_state: z.enum(['opening', 'joining', 'joined']),
    granted_least: signedDecimalText.nullable().meta({
      description:
        'What the home lane adds there in the scenario where that is least; below zero where positions there secure the home lane. null at home, and until it is joined',
    }),
    granted_most: signedDecimalText.nullable(),
    used: decimalText.nullable().meta({ description: 'What its requirement there is above its equity there' }),
    incoming: decimalText.nullable().meta({ description: 'USD that left the home lane and are not there yet' }),
    outgoing: decimalText.nullable().meta({ description: 'USD that left it and are not in the home lane yet' }),
  })
  .meta({ id: 'AccountLane' })
export type AccountLane = z.infer<typeof accountLane>

export const joinLane = operation({
  context: 'ledger',
  name: 'join-lane',
  method: 'POST',
  path: '/api/v1/account/lanes',
  permission: 'accounts:open',
  summary: 'Trade in another lane too, on what the cash of your account secures',
  description:
    'Opens `<account>.lane-<n>` there, without cash, and has the home lane of your main account grant it what it needs, netted in each joint scenario. Repeating it gives the lane as it is, and goes on where it was left: a 202 is to be repeated. The reserve is that of the first time: under another one it is refused (lane-already-joined).',
  weight: 5,
  request: {
    body: z.strictObject({
      lane,
      reserve: decimalText.optional().meta({
        description:
          'USD that the lane asks for beyond what is needed, so that an order need not wait for a grant; none unless told',
      }),
    }),
  },
  responses: {
    202: { description: 'On its way: repeat the request', schema: accountLane },
    200: { description: 'Joined (already, or with Prefer: wait=<seconds>)', schema: accountLane },
  },
  rejections: [
    'account-not-open',
    'account-limit',
    'account-exists',
    'lane-already-joined',
    'lane-limit',
    'engine-version-needed',
  ],
})

export const accountSummary = z
  .object({
    ...account.shape,
    equity: signedDecimalText.nullable().meta({
      description: 'Cash less what is held, positions at their marks, collateral; null before the first epoch',
    }),
    withdrawable: decimalText.nullable(),
    lanes: z.array(accountLane).meta({ description: 'Where it trades, its home first' }),
    sub_accounts: z.array(z.object({ account: z.string(), account_state: account.shape.account_state, lane })),
  })
  .meta({ id: 'AccountSummary' })

export const getOwnAccount = operation({
  context: 'ledger',
  name: 'get-own-account',
  method: 'GET',
  path: '/api/v1/account',
  permission: 'accounts:read',
  summary: 'Read your account or a sub-account: cash, what is held, equity, sub-accounts',
  weight: 2,
  request: { query: z.strictObject({ account: ownAccount }) },
  responses: { 200: { description: 'The account', schema: accountSummary } },
  rejections: ['account-not-open', 'not-found'],
})

export const ledgerEntry = z
  .object({
    entry_id: z.string(),
    timestamp: instant,
    kind: z.string().meta({
      description: 'What has moved it: deposit, withdrawal, hold-capture, transfer, trade, trade-bust, variation, …',
    }),
    reference: z.string().meta({ description: 'Id of the deposit, withdrawal, command or trade' }),
    instrument_name: z.string().nullable(),
    counter_account: z
      .string()
      .nullable()
      .meta({ description: 'Of a transfer, also between lanes: the other account of the firm' }),
    amount: signedDecimalText.meta({ description: 'What the cash has changed by, fee included' }),
    fee: signedDecimalText.meta({ description: 'What of it is a fee; below zero where one is given back' }),
    balance: signedDecimalText.meta({ description: 'The cash right after it' }),
  })
  .meta({ id: 'LedgerEntry' })

export const listLedgerEntries = operation({
  context: 'ledger',
  name: 'list-ledger-entries',
  method: 'GET',
  path: '/api/v1/account/ledger',
  permission: 'accounts:read',
  summary: 'List every movement of an account’s cash with its running balance, newest first',
  description:
    'The amounts add up to the balance exactly. `Accept: text/csv` gives the page as CSV; Link then names the next one.',
  weight: 2,
  request: { query: z.strictObject({ ...pageQuery, account: ownAccount }) },
  responses: { 200: { description: 'A page of entries', schema: pageOf(ledgerEntry), mediaType: 'text/csv' } },
  rejections: ['account-not-open', 'not-found', 'invalid-cursor'],
})

export const ledgerOperations = [
  openAccount,
  getAccount,
  depositCash,
  getDeposit,
  listPositions,
  withdrawCash,
  ...fundWithdrawalOperations,
  getWithdrawal,
  transferCash,
  moveCollateral,
  listCollateral,
  getOwnAccount,
  joinLane,
  listLedgerEntries,
] as const
