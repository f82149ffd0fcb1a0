import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { serve } from '../shell/serve.ts'
import * as approveFundWithdrawal from './approve-fund-withdrawal.ts'
import * as depositCash from './deposit-cash.ts'
import * as getAccount from './get-account.ts'
import * as getDeposit from './get-deposit.ts'
import * as getOwnAccount from './get-own-account.ts'
import * as getWithdrawal from './get-withdrawal.ts'
import * as joinLane from './join-lane.ts'
import * as listCollateral from './list-collateral.ts'
import * as listFundWithdrawals from './list-fund-withdrawals.ts'
import * as listLedgerEntries from './list-ledger-entries.ts'
import * as listPositions from './list-positions.ts'
import * as moveCollateral from './move-collateral.ts'
import * as openAccount from './open-account.ts'
import * as transferCash from './transfer-cash.ts'
import * as withdrawCash from './withdraw-cash.ts'

export const handler = serve('ledger', ledgerOperations, {
  'open-account': openAccount.handle,
  'get-account': getAccount.handle,
  'deposit-cash': depositCash.handle,
  'get-deposit': getDeposit.handle,
  'list-positions': listPositions.handle,
  'withdraw-cash': withdrawCash.handle,
  'get-withdrawal': getWithdrawal.handle,
  'list-fund-withdrawals': listFundWithdrawals.handle,
  'approve-fund-withdrawal': approveFundWithdrawal.handle,
  'transfer-cash': transferCash.handle,
  'move-collateral': moveCollateral.handle,
  'list-collateral': listCollateral.handle,
  'get-own-account': getOwnAccount.handle,
  'join-lane': joinLane.handle,
  'list-ledger-entries': listLedgerEntries.handle,
})
