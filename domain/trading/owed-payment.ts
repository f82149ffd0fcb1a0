import type { AccountRecord, Accounts } from '../ledger/accounts.ts'
import { type LaneMargin, maxCashMicros } from './lane-margin.ts'

/** Cash from one account to another, whatever is left to the one: it is called then. */
export const pay = (
  accounts: Accounts,
  margin: LaneMargin,
  payer: AccountRecord,
  payee: AccountRecord,
  micros: number,
): void => {
  if (micros === 0) return
  margin.addCash(payer, -micros)
  accounts.addCash(payer, -micros)
  margin.addCash(payee, micros)
  accounts.addCash(payee, micros)
  margin.watch(payer)
}

/**
 * Whether one of both would come to have, or to owe, more than can be counted, where the payer's cash less what it holds
 * falls by the one amount and the payee's cash grows by the other.
 */
export const isBeyondPaying = (
  accounts: Accounts,
  payer: AccountRecord,
  payee: AccountRecord,
  fallsMicros: number,
  paidMicros: number,
): boolean =>
  (fallsMicros > 0 && accounts.cashMicros(payer) - accounts.heldMicros(payer) < fallsMicros - maxCashMicros) ||
  accounts.cashMicros(payee) > maxCashMicros - paidMicros
