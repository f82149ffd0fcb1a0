import { putCommands } from '#adapters/streams/orders.ts'
import { getAccount } from '#adapters/tables/accounts.ts'
import { getOutcome } from '#adapters/tables/outcomes.ts'
import { withdrawableMicros } from '#domain/margin/account-risk.ts'
import type { PostPayment } from '#domain/trading/commands.ts'
import { decimalOfMicros } from '#domain/units.ts'
import { valuedAccount } from '../risk/valued-account.ts'
import { nameBasedUuid } from '../shell/name-based-uuid.ts'
import { EnforcementError } from './enforcement-step.ts'

export interface PenaltyPayment {
  /** The same however often it is asked for: contract, month, version. */
  readonly name: string
  readonly fromAccount: string
  readonly toAccount: string
  readonly amountMicros: number
  /** What stood is taken back. */
  readonly isReversal: boolean
  /** Of the enforcement: what the engine has refused is asked for under another id only when somebody begins it again. */
  readonly attempt: number
}

/**
 * The one place where a penalty is paid: by the house, out of what the payer could withdraw. What is owed beyond that is no
 * money that the other may have: nobody stands in for it as for a settlement. False: the engine has not answered yet. The
 * same command however often it is asked, which the engine takes once.
 */
export const payPenalty = async (payment: PenaltyPayment): Promise<boolean> => {
  const [from, to] = await Promise.all([payment.fromAccount, payment.toAccount].map(openAccount))
  if (from === undefined || to === undefined || from.lane !== to.lane)
    throw new EnforcementError('PaymentRejected', 'both accounts have to be open, and of one lane')
  const commandId = await nextCommandId(payment)
  const outcome = await getOutcome(commandId)
  if (outcome?.accepted === true) return true
  if (outcome !== undefined) throw new EnforcementError('PaymentRejected', outcome.code ?? 'rejected')
  const { amountMicros } = payment
  const freeMicros = withdrawableMicros(await valuedAccount(from.lane, from.accountId))
  if (freeMicros < amountMicros) {
    // Asked a moment ago, it may be what has left so little.
    if ((await getOutcome(commandId))?.accepted === true) return true
    const [free, owed] = [freeMicros, amountMicros].map(decimalOfMicros)
    throw new EnforcementError('PaymentUncovered', `${payment.fromAccount} can give up ${free} of ${owed} USD`)
  }
  const command: PostPayment = {
    type: 'post-payment',
    commandId,
    accountId: from.accountId,
    toAccountId: to.accountId,
    amountMicros,
    purpose: payment.isReversal ? 'sla-reversal' : 'sla-penalty',
    reference: payment.name,
  }
  await putCommands(from.lane, [command])
  return false
}

const openAccount = async (account: string) => {
  const row = await getAccount(account)
  return row?.accountState === 'open' && row.accountId !== undefined
    ? { lane: row.lane, accountId: row.accountId }
    : undefined
}

/** The first one, unless the engine has refused that: it remembers what it refused, too. */
const nextCommandId = async ({ name, attempt }: PenaltyPayment): Promise<string> => {
  const first = nameBasedUuid(`sla-payment#${name}`)
  return attempt > 1 && (await getOutcome(first))?.accepted === false
    ? nameBasedUuid(`sla-payment#${name}#${attempt}`)
    : first
}
