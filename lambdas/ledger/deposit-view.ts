import * as z from 'zod'
import type { CommandRow } from '#adapters/tables/commands.ts'
import type { OutcomeRow } from '#adapters/tables/outcomes.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { deposit } from '#protocol/operations/ledger.ts'

/** What the commands table keeps of a deposit: the command, and the account by the name it was asked for by. */
export const promisedDeposit = z.object({
  account: z.string(),
  command: z.object({
    type: z.literal('deposit'),
    commandId: z.string(),
    accountId: z.number().int(),
    amountMicros: z.number().int(),
  }),
})

export const promisedDepositOf = ({ requestJson }: CommandRow): z.infer<typeof promisedDeposit> =>
  promisedDeposit.parse(JSON.parse(requestJson))

export const depositOf = (promised: CommandRow, outcome: OutcomeRow | undefined): z.infer<typeof deposit> => {
  const { account, command } = promisedDepositOf(promised)
  return {
    deposit_id: command.commandId,
    account,
    currency: 'USD',
    amount: decimalOfMicros(command.amountMicros),
    deposit_state: outcome === undefined ? 'pending' : outcome.accepted ? 'completed' : 'rejected',
    reject_reason: outcome?.code ?? null,
  }
}
