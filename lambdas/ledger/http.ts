import { ledgerOperations } from '#protocol/operations/ledger.ts'
import { serve } from '../shell/serve.ts'
import * as depositCash from './deposit-cash.ts'
import * as getAccount from './get-account.ts'
import * as getDeposit from './get-deposit.ts'
import * as listPositions from './list-positions.ts'
import * as openAccount from './open-account.ts'

export const handler = serve('ledger', ledgerOperations, {
  'open-account': openAccount.handle,
  'get-account': getAccount.handle,
  'deposit-cash': depositCash.handle,
  'get-deposit': getDeposit.handle,
  'list-positions': listPositions.handle,
})
