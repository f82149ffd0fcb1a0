import type { PaymentState } from '#adapters/tables/sla-assessments.ts'

export interface PenaltyPayment {
  /** The same however often it is asked for: contract, month, version. */
  readonly name: string
  readonly fromAccount: string
  readonly toAccount: string
  readonly amountMicros: number
}

/**
 * The one place where a penalty is paid. The order stream has no command that moves cash from one account to another: what
 * is owed stays payable in the penalty ledger, is announced as such, and is moved outside of the exchange. A command would
 * be put here under an id made of the payment's name, so that the engine takes it once.
 */
export const payPenalty = (_: PenaltyPayment): Promise<Exclude<PaymentState, 'none'>> => Promise.resolve('payable')
