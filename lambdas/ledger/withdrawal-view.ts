import * as z from 'zod'
import type { CommandRow } from '#adapters/tables/commands.ts'
import type { OutcomeRow } from '#adapters/tables/outcomes.ts'
import { decimalOfMicros } from '#domain/units.ts'
import type { withdrawal } from '#protocol/operations/ledger.ts'

/** What the commands table keeps of a withdrawal. */
const promisedWithdrawal = z.object({
  account: z.string(),
  command: z.object({ type: z.literal('withdraw'), commandId: z.string(), amountMicros: z.number().int() }),
})

export const withdrawalOf = (promised: CommandRow, outcome: OutcomeRow | undefined): z.infer<typeof withdrawal> => {
  const { account, command } = promisedWithdrawal.parse(JSON.parse(promised.requestJson))
  return {
    withdrawal_id: command.commandId,
    account,
    currency: 'USD',
    amount: decimalOfMicros(command.amountMicros),
    withdrawal_state: outcome === undefined ? 'pending' : outcome.accepted ? 'completed' : 'rejected',
    reject_reason: outcome?.code ?? null,
  }
}
